/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.LineRange.Cut;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.TypeConversionException;

class LineRangeTest {
  @Test
  void cutsLinesFromTheMiddle() {
    assertEquals(new Cut("a\n", "b\nc", "\nd\n"), new LineRange(2, 3).cut("a\nb\nc\nd\n"));
  }

  @Test
  void cutsTheLastLineWithoutABreak() {
    assertEquals(new Cut("a\n", "b", ""), new LineRange(2, 2).cut("a\nb"));
  }

  @Test
  void keepsTheLineBreaksOfWindows() {
    assertEquals(new Cut("a\r\n", "b", "\r\nc"), new LineRange(2, 2).cut("a\r\nb\r\nc"));
  }

  @Test
  void anEmptyLineIsALine() {
    assertEquals(new Cut("a\n", "", "\nc"), new LineRange(2, 2).cut("a\n\nc"));
  }

  @Test
  void linesBeyondTheEndAreAnError() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> new LineRange(2, 9).cut("a\nb\n"));
    assertTrue(error.getMessage().contains("only 2 lines"), error.getMessage());
  }

  @Test
  void readsRangesAndSingleLines() {
    var converter = new LineRange.Converter();
    assertEquals(new LineRange(3, 7), converter.convert("3-7"));
    assertEquals(new LineRange(3, 3), converter.convert("3"));
    for (String wrong : new String[] {"", "0-2", "4-3", "a-b", "1-2-3", "-3"}) {
      assertThrows(TypeConversionException.class, () -> converter.convert(wrong), wrong);
    }
  }
}
