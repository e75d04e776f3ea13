/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.GenerationRequest.Message;
import dev.palimpsest.GenerationRequest.Piece;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OtherCommandsTest {
  @TempDir Path folder;

  private Path file(String name, String text) throws Exception {
    return Files.writeString(folder.resolve(name), text);
  }

  @Test
  void infillWritesIntoHoles() {
    CommandRun run = new CommandRun("12345");
    assertEquals(0, run.run("infill", "-m", ".", "a[[2]]b[[3]]c"), run.err());
    assertEquals("a12b345c\n", run.out());
    assertTrue(run.engine.requests().getFirst().plainTextOnly());
  }

  @Test
  void infillPrintsTheHolesAlone() {
    CommandRun run = new CommandRun("12345");
    assertEquals(0, run.run("infill", "-m", ".", "--holes-only", "a[[2]]b[[3]]c"), run.err());
    assertEquals("12\n345\n", run.out());
  }

  @Test
  void infillWritesLinesOfAFileAnew() throws Exception {
    Path source = file("A.java", "one\ntwo\nthree [[4]]\n");
    CommandRun run = new CommandRun("XYZ");
    assertEquals(
        0, run.run("infill", "-m", ".", "--file", source.toString(), "--lines", "2"), run.err());
    assertEquals("one\nXYZ\nthree [[4]]\n", run.out());
  }

  @Test
  void infillShowsTheModelAsMuchContextAsFits() throws Exception {
    Path source = file("B.java", "a".repeat(300) + "\nmiddle\n" + "b".repeat(20));
    CommandRun run = new CommandRun("XYZ");
    int status = run.run("infill", "-m", ".", "-f", source.toString(), "--lines", "2", "-n", "8");
    assertEquals(0, status, run.err());
    var pieces = run.engine.requests().getFirst().pieces();
    // 128 positions: 8 for the hole, all 21 that follow it, the rest for what comes before.
    assertEquals(99, ((Piece.Tokens) pieces.get(0)).ids().size());
    assertEquals(new Piece.Hole(8), pieces.get(1));
    assertEquals(21, ((Piece.Tokens) pieces.get(2)).ids().size());
    assertEquals("a".repeat(300) + "\nXYZXYZXY\n" + "b".repeat(20) + "\n", run.out());
  }

  @Test
  void traceRowsFollowThePrompt() throws Exception {
    Path ids = file("ids.json", "{\"prompt\": [7, 8], \"steps\": []}");
    for (String prompt : List.of("7,8", "7 8", ids.toString())) {
      CommandRun run = new CommandRun("\1\2\3");
      int status =
          run.run(
              "trace",
              "-m",
              ".",
              "--prompt-tokens",
              prompt,
              "--new-tokens",
              "3",
              "--steps",
              "2",
              "--json");
      assertEquals(0, status, run.err());
      assertEquals("{\"prompt\":[7,8],\"steps\":[[7,8,1,256,3],[7,8,1,2,3]]}\n", run.out());
    }
  }

  @Test
  void chatWantsAChatModel() {
    CommandRun run = new CommandRun("x");
    assertEquals(1, run.run("chat", "-m", ".", "--message", "hi"));
    assertTrue(run.err().contains("without a chat format"), run.err());
  }

  @Test
  void chatRemembersTheConversationUntilReset() {
    CommandRun run =
        new CommandRun(new ScriptedEngine("yes", "llada"))
            .piped("/system Be brief.\none\ntwo\n/nonsense\n/reset\nthree\n/exit\nfour\n");
    assertEquals(0, run.run("chat", "-m", ".", "-n", "3"), run.err());
    assertEquals("yes\nyes\nyes\n", run.out());
    assertTrue(run.err().contains("found /nonsense"), run.err());
    var chats =
        run.engine.requests().stream()
            .map(request -> ((Piece.Chat) request.pieces().getFirst()).messages())
            .toList();
    Message system = new Message("system", "Be brief.");
    assertEquals(
        List.of(
            List.of(system, new Message("user", "one")),
            List.of(
                system,
                new Message("user", "one"),
                new Message("assistant", "yes"),
                new Message("user", "two")),
            List.of(system, new Message("user", "three"))),
        chats);
  }
}
