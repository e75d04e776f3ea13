/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationResult;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest generate}: goes on from a prompt. */
@Command(
    name = "generate",
    sortOptions = false,
    description = "Continues a text, refining all new tokens together in a few steps.",
    footer = {
      "",
      "Examples:",
      "  palimpsest generate \"public static int max(int a, int b) {\"",
      "  palimpsest generate --watch --tokens 96 --steps 16 \"class Stack<T> {\"",
      "  palimpsest generate --threshold 0.9 \"int x = \"   (as many steps as it takes)",
      "  palimpsest generate --temperature 0.7 --seed 3 - < prompt.txt",
      "  palimpsest generate --json \"int x = \" | jq -r .text"
    })
final class GenerateCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "Text to go on from; - or a pipe reads it from standard input.")
  private String prompt;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      defaultValue = "32",
      description = "Tokens to write (default: ${DEFAULT-VALUE}).")
  private int tokens;

  @Mixin private EngineChoice engineChoice;
  @Mixin private DecodingChoice decoding;
  @Mixin private WatchChoice watching;

  GenerateCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws IOException {
    watching.check();
    if (tokens < 1) {
      throw new ParameterException(
          spec.commandLine(), "--tokens must be at least 1; found " + tokens);
    }
    String given = prompt();
    GenerationRequest request =
        decoding.complete(
            GenerationRequest.completing(given, tokens)
                .stopAtEnd(true)
                .previews(watching.watched()),
            tokens);
    long begun = System.nanoTime();
    try (Engine engine = engineChoice.open(machine)) {
      long loaded = System.nanoTime() - begun;
      GenerationResult result =
          Writing.run(
              engine,
              request,
              decoding.plannedSteps(tokens, engine),
              watching.viewers(machine.terminal()));
      String text = given + String.join("", result.holes());
      Report report =
          new Report(engineChoice.model(machine), engine, result, text, decoding.seed(), loaded);
      watching.print(report, text);
    }
    return 0;
  }

  private String prompt() throws IOException {
    boolean piped = "-".equals(prompt) || (prompt == null && !machine.terminal().typing());
    String given = piped ? machine.inputText() : prompt;
    if (given == null || given.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "a PROMPT is missing: give it as an argument or on standard input");
    }
    return given;
  }
}
