/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.HoleText.Part;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HoleTextTest {
  @Test
  void textAndHolesAlternate() {
    HoleText text = HoleText.parse("a[[8]]b[[1]]");
    assertEquals(
        List.of(new Part.Text("a"), new Part.Hole(8), new Part.Text("b"), new Part.Hole(1)),
        text.parts());
    assertEquals(9, text.tokens());
    assertEquals(2, text.holes());
    assertEquals("aXYbZ", text.filled(List.of("XY", "Z")));
  }

  @Test
  void neighbouringHolesStaySeparate() {
    assertEquals(List.of(new Part.Hole(2), new Part.Hole(3)), HoleText.parse("[[2]][[3]]").parts());
  }

  @Test
  void oneBackslashMakesTextOfAHole() {
    assertEquals(List.of(new Part.Text("x[[8]]y")), HoleText.parse("x\\[[8]]y").parts());
  }

  @Test
  void twoBackslashesAreABackslashAndAHole() {
    assertEquals(
        List.of(new Part.Text("x\\"), new Part.Hole(8)), HoleText.parse("x\\\\[[8]]").parts());
  }

  @Test
  void threeBackslashesAreABackslashAndText() {
    assertEquals(List.of(new Part.Text("x\\[[8]]")), HoleText.parse("x\\\\\\[[8]]").parts());
  }

  @ParameterizedTest
  @ValueSource(strings = {"a[b[8]]", "int[][] m = [[]]", "[[x]]", "\\n\\", "[[ 8 ]]", "[[-1]]"})
  void everythingElseIsText(String source) {
    assertEquals(List.of(new Part.Text(source)), HoleText.parse(source).parts());
  }

  @ParameterizedTest
  @ValueSource(strings = {"[[0]]", "[[1000001]]", "[[99999999999999999999]]"})
  void sizesThatMakeNoSenseAreErrors(String source) {
    var error = assertThrows(IllegalArgumentException.class, () -> HoleText.parse(source));
    assertTrue(error.getMessage().contains(source), error.getMessage());
  }
}
