/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.CheckpointException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ErrorLineTest {
  static Stream<Arguments> wrongUse() {
    return Stream.of(
        Arguments.of(List.of(), "a command is missing: generate, infill"),
        Arguments.of(List.of("generat"), "did you mean"),
        Arguments.of(List.of("generate", "-m", "."), "a PROMPT is missing"),
        Arguments.of(List.of("generate", "-m", ".", "--tokens", "0", "x"), "--tokens must be at"),
        Arguments.of(List.of("generate", "-m", ".", "--tokens", "many", "x"), "--tokens"),
        Arguments.of(List.of("generate", "-m", ".", "--steps", "0", "x"), "steps must be at least"),
        Arguments.of(
            List.of("generate", "-m", ".", "--algorithm", "magic", "x"),
            "low-confidence, random, origin"),
        Arguments.of(List.of("generate", "-m", ".", "--top-p", "0", "x"), "top-p must be in"),
        Arguments.of(List.of("generate", "-m", ".", "--threshold", "2", "x"), "threshold must be"),
        Arguments.of(
            List.of("generate", "-m", ".", "--threshold", "0.5", "-a", "random", "x"),
            "no use for threshold 0.5: leave it out"),
        Arguments.of(
            List.of("generate", "-m", ".", "--remask", "-1", "x"), "remask below must be between"),
        Arguments.of(List.of("generate", "-m", ".", "--threads", "-1", "x"), "threads must be"),
        Arguments.of(List.of("generate", "-m", ".", "--dtype", "fp4", "x"), "auto, f32, bf16"),
        Arguments.of(List.of("generate", "-m", ".", "--remask-budget", "3", "x"), "needs --remask"),
        Arguments.of(List.of("generate", "-m", ".", "-w", "--json", "x"), "--watch and --json"),
        Arguments.of(List.of("generate", "-m", "no/such", "x"), "--model no/such does not exist"),
        Arguments.of(List.of("generate", "x"), "name one with --model"),
        Arguments.of(List.of("infill", "-m", ".", "no hole"), "has no hole"),
        Arguments.of(List.of("infill", "-m", ".", "a[[0]]"), "found [[0]]"),
        Arguments.of(List.of("infill", "-m", ".", "--lines", "1-2", "a"), "--lines needs --file"),
        Arguments.of(List.of("infill", "-m", ".", "--lines", "2-1", "a"), "--lines"),
        Arguments.of(
            List.of("trace", "-m", ".", "--new-tokens", "4", "--prompt-tokens", "1,x"),
            "--prompt-tokens: neither token ids nor a readable file"),
        Arguments.of(List.of("trace", "-m", ".", "--prompt-tokens", "1"), "--new-tokens"));
  }

  @ParameterizedTest
  @MethodSource("wrongUse")
  void wrongUseIsOneLineThatNamesTheKnobAndStatusTwo(List<String> arguments, String expected) {
    CommandRun run = new CommandRun("x");
    assertEquals(2, run.run(arguments.toArray(String[]::new)), run.err());
    assertTrue(run.err().contains(expected), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    assertEquals("", run.out());
  }

  @Test
  void aFailureIsOneLineAndStatusOne() {
    CommandRun run =
        new CommandRun("x")
            .opening(
                (model, options, listener) -> {
                  throw new CheckpointException("config.json: d_model is missing\n  at byte 7");
                });
    assertEquals(1, run.run("generate", "-m", ".", "x"));
    assertEquals("palimpsest generate: config.json: d_model is missing at byte 7\n", run.err());
  }

  @Test
  void verboseShowsTheStackTrace() {
    CommandRun run =
        new CommandRun("x")
            .opening(
                (model, options, listener) -> {
                  throw new CompletionException(new CheckpointException("broken"));
                });
    assertEquals(1, run.run("generate", "--verbose", "-m", ".", "x"));
    assertTrue(run.err().startsWith("palimpsest generate: broken\n"), run.err());
    assertTrue(run.err().contains("\tat dev.palimpsest"), run.err());
  }

  @Test
  void trainIsListedAndSaysWhereItRuns() {
    CommandRun run = new CommandRun("x");
    assertEquals(1, run.run("train", "--steps", "3"));
    assertTrue(run.err().contains("./palimpsest train"), run.err());
  }

  @ParameterizedTest
  @MethodSource("commands")
  void helpShowsADefaultForEveryOptionAndAnExample(String command) {
    CommandRun run = new CommandRun("x");
    assertEquals(0, run.run(command, "--help"), run.err());
    assertTrue(run.out().contains("Examples:\n  palimpsest " + command), run.out());
    var options =
        PalimpsestCommand.commandLine(Machine.here())
            .getSubcommands()
            .get(command)
            .getCommandSpec()
            .options();
    for (var option : options) {
      String text = String.join(" ", option.description());
      assertTrue(
          option.usageHelp() || text.contains("(default: ") || text.contains("(required)"),
          command + " " + option.longestName() + ": " + text);
    }
  }

  static Stream<String> commands() {
    return Stream.of("generate", "infill", "chat", "trace");
  }
}
