/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationRequest.Message;
import dev.palimpsest.GenerationResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code palimpsest chat}: a conversation with a model that has a chat format. */
@Command(
    name = "chat",
    sortOptions = false,
    description = "Talks with a chat model. In the conversation: /system TEXT, /reset, /exit.",
    footer = {
      "",
      "Examples:",
      "  palimpsest chat --model LLaDA-8B-Instruct --watch",
      "  palimpsest chat --model LLaDA-8B-Instruct --message \"What is a palimpsest?\""
    })
final class ChatCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Option(
      names = "--message",
      paramLabel = "TEXT",
      description = "Say this, print the answer and exit (default: a conversation).")
  private String message;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "The system turn the conversation starts with (default: none).")
  private String system;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      defaultValue = "128",
      description = "Room for an answer, in tokens (default: ${DEFAULT-VALUE}).")
  private int tokens;

  @Mixin private EngineChoice engineChoice;
  @Mixin private DecodingChoice decoding = new DecodingChoice(tokens -> tokens / 2);
  @Mixin private WatchChoice watching;

  ChatCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws IOException {
    watching.check();
    if (tokens < 1) {
      throw new ParameterException(
          spec.commandLine(), "--tokens must be at least 1; found " + tokens);
    }
    long begun = System.nanoTime();
    try (Engine engine = engineChoice.open(machine)) {
      long loaded = System.nanoTime() - begun;
      if (engine.chatFormat().isEmpty()) {
        throw new FailureException(
            engineChoice.model(machine)
                + " is a base model without a chat format: use palimpsest generate, or name a chat"
                + " model with --model");
      }
      List<Message> turns = new ArrayList<>();
      begin(turns);
      if (message != null) {
        answer(engine, turns, message, loaded);
      } else {
        converse(engine, turns, loaded);
      }
    }
    return 0;
  }

  private void begin(List<Message> turns) {
    turns.clear();
    if (system != null) {
      turns.add(new Message("system", system));
    }
  }

  private void converse(Engine engine, List<Message> turns, long loaded) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(machine.input(), StandardCharsets.UTF_8));
    boolean prompting = machine.terminal().typing() && machine.terminal().interactive();
    while (true) {
      if (prompting) {
        out.print("> ");
        out.flush();
      }
      String line = lines.readLine();
      if (line == null || line.strip().equals("/exit")) {
        return;
      }
      line = line.strip();
      if (line.equals("/reset")) {
        begin(turns);
      } else if (line.startsWith("/system")) {
        system = line.substring("/system".length()).strip();
        system = system.isEmpty() ? null : system;
        begin(turns);
      } else if (line.startsWith("/")) {
        spec.commandLine().getErr().println("/system TEXT, /reset or /exit; found " + line);
      } else if (!line.isEmpty()) {
        answer(engine, turns, line, loaded);
      }
    }
  }

  private void answer(Engine engine, List<Message> turns, String said, long loaded) {
    turns.add(new Message("user", said));
    GenerationRequest request =
        decoding.complete(
            GenerationRequest.builder()
                .chat(turns)
                .hole(tokens)
                .stopAtEnd(true)
                .previews(watching.watched()),
            tokens);
    GenerationResult result =
        Writing.run(
            engine,
            request,
            decoding.plannedSteps(tokens, engine),
            watching.viewers(machine.terminal()));
    String text = result.holes().getFirst().strip();
    turns.add(new Message("assistant", text));
    watching.print(
        new Report(engineChoice.model(machine), engine, result, text, decoding.seed(), loaded),
        text);
  }
}
