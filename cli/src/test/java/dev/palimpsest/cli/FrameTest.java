/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.TokenTexts.Stretch;
import dev.palimpsest.cli.WatchedCanvas.Cell;
import dev.palimpsest.cli.WatchedCanvas.State;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class FrameTest {
  private static String lines(Frame frame) {
    return frame.rows().stream().map(PlainViewer::text).collect(Collectors.joining("\n"));
  }

  private static Frame frame(int width, Stretch... stretches) {
    return Frame.of(List.of(stretches), width);
  }

  private static Stretch given(String text) {
    return new Stretch(State.GIVEN, text);
  }

  private static Stretch fresh(String text) {
    return new Stretch(State.NEW, text);
  }

  private static Stretch mask() {
    return new Stretch(State.MASKED, TokenTexts.MASK);
  }

  @Test
  void statesAreToldApartWithoutColours() {
    assertEquals(
        "int x = ‹4›░░«;»▒▒",
        lines(
            frame(
                40,
                given("int x = "),
                fresh("4"),
                mask(),
                new Stretch(State.CHANGED, ";"),
                new Stretch(State.TAKEN_BACK, TokenTexts.MASK))));
  }

  @Test
  void longLinesWrapAtTheWidth() {
    assertEquals("abcdef\nghij", lines(frame(6, given("abcdefghij"))));
    assertEquals("abcde\n░░░░\n░░", lines(frame(5, given("abcde"), mask(), mask(), mask())));
  }

  @Test
  void aFullRowIsFollowedByNoEmptyOne() {
    assertEquals("abcdef", lines(frame(6, given("abcdef"))));
    assertEquals("abcdef\n", lines(frame(6, given("abcdef\n\n"))));
  }

  @Test
  void tabsGoToTheNextStop() {
    assertEquals("a   b\n    c", lines(frame(20, given("a\tb\n\tc"))));
  }

  @Test
  void aNewLineBreakIsSeen() {
    assertEquals("a‹;↵›\n‹ b›", lines(frame(20, given("a"), fresh(";\n b"))));
  }

  @Test
  void controlCharactersCannotMoveTheCursor() {
    assertEquals("␛[2J␇\uFFFD␡", lines(frame(20, given("\033[2J\u0007\u202E\u007F"))));
  }

  @Test
  void wideCharactersTakeTwoColumns() {
    assertEquals("語語\n語", lines(frame(5, given("語語語"))));
    assertEquals("e\u0301e\u0301e\u0301e\u0301", lines(frame(4, given("e\u0301".repeat(4)))));
  }

  @Test
  void aTallCanvasShowsWhereSomethingHappens() {
    List<Stretch> canvas = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      canvas.add(given("line " + i + "\n"));
    }
    canvas.add(mask());
    canvas.add(given("\nend"));
    Frame shown = Frame.of(canvas, 40).around(9);
    assertEquals(9, shown.rows().size());
    assertTrue(lines(shown).contains("░░"), lines(shown));
    assertEquals("line 43", lines(shown).lines().findFirst().orElseThrow());
  }

  @Test
  void bytesOfOneCharacterAreDecodedTogether() {
    var texts = new TokenTexts(new ScriptedEngine.Bytes());
    var stretches =
        texts.stretches(
            List.of(
                new Cell('a', State.GIVEN),
                new Cell(0xC3, State.SETTLED),
                new Cell(0xA9, State.NEW),
                new Cell(0xE8, State.NEW),
                new Cell(ScriptedEngine.MASK, State.MASKED),
                new Cell('b', State.SETTLED)));
    assertEquals(
        List.of(given("a"), fresh("é"), fresh("\uFFFD"), mask(), new Stretch(State.SETTLED, "b")),
        stretches);
  }

  @Test
  void revisionsMoveCellsThroughTheirStates() {
    int mask = ScriptedEngine.MASK;
    var canvas = new WatchedCanvas(mask);
    canvas.apply(
        new Revision(
            0,
            List.of(
                new Change.Insert(0, 'a'), new Change.Insert(1, mask), new Change.Insert(2, mask)),
            2));
    assertEquals("[GIVEN, MASKED, MASKED]", states(canvas));
    canvas.apply(
        new Revision(1, List.of(new Change.Commit(1, 'b', 1), new Change.Commit(2, 'c', 1)), 0));
    assertEquals("[GIVEN, NEW, NEW]", states(canvas));
    canvas.apply(
        new Revision(
            2, List.of(new Change.Replace(1, 'b', 'x', 1), new Change.Remask(2, 'c', 0.1)), 1));
    assertEquals("[GIVEN, CHANGED, TAKEN_BACK]", states(canvas));
    assertEquals(1, canvas.masked());
    canvas.apply(
        new Revision(3, List.of(new Change.Commit(2, 'd', 1), new Change.Insert(3, 'e')), 0));
    assertEquals("[GIVEN, SETTLED, NEW, NEW]", states(canvas));
    canvas.apply(new Revision(4, List.of(new Change.Delete(1)), 0));
    assertEquals("[GIVEN, SETTLED, SETTLED]", states(canvas));
  }

  private static String states(WatchedCanvas canvas) {
    return canvas.cells().stream().map(Cell::state).toList().toString();
  }
}
