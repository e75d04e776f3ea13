/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.process.Canvas;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code palimpsest trace}: every token after every step, for comparing with references. */
@Command(
    name = "trace",
    sortOptions = false,
    description = "Decodes from token ids and prints the whole row of ids after every step.",
    footer = {
      "",
      "Without --json: one row a line. With it: {\"prompt\":[…],\"steps\":[[…],…]}.",
      "Name --algorithm and --dtype f32 where a trace is to be compared with another.",
      "",
      "Examples:",
      "  palimpsest trace --model M --prompt-tokens 1,2,3 --new-tokens 32 \\",
      "    --algorithm low-confidence --steps 16 --block-length 16 --dtype f32 --json",
      "  palimpsest trace --model M --prompt-tokens ids.txt --new-tokens 32 \\",
      "    --algorithm threshold --threshold 0.9 --dtype f32 --json"
    })
final class TraceCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Option(
      names = "--prompt-tokens",
      required = true,
      paramLabel = "IDS|FILE",
      description =
          "Token ids split by commas or blanks, or a file with such ids, or a JSON file with a field"
              + " prompt (required).")
  private String promptTokens;

  @Option(
      names = "--new-tokens",
      required = true,
      paramLabel = "N",
      description = "Masks that follow the prompt (required).")
  private int newTokens;

  @Option(
      names = "--json",
      description = "Print one JSON document and nothing else (default: one row a line).")
  private boolean json;

  @Mixin private EngineChoice engineChoice;
  @Mixin private DecodingChoice decoding;

  TraceCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() {
    if (newTokens < 1) {
      throw new ParameterException(
          spec.commandLine(), "--new-tokens must be at least 1; found " + newTokens);
    }
    int[] prompt;
    try {
      prompt = TokenIds.read(promptTokens);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--prompt-tokens: " + e.getMessage(), e);
    }
    GenerationRequest.Builder builder = GenerationRequest.builder();
    if (prompt.length > 0) {
      builder.tokens(prompt);
    }
    GenerationRequest request = decoding.complete(builder.hole(newTokens), newTokens);
    List<int[]> rows = new ArrayList<>();
    try (Engine engine = engineChoice.open(machine)) {
      Generation generation = engine.submit(request);
      Canvas canvas = new Canvas(engine.config().maskToken());
      try (var revisions = generation.revisions()) {
        revisions.forEach(
            revision -> {
              canvas.apply(revision);
              if (revision.step() > 0) {
                rows.add(canvas.tokens());
              }
            });
      }
      generation.result().join();
    }
    print(prompt, rows);
    return 0;
  }

  private void print(int[] prompt, List<int[]> rows) {
    var out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("prompt", prompt);
      document.put("steps", rows);
      out.println(Report.json(document));
    } else {
      for (int[] row : rows) {
        out.println(TokenIds.line(row));
      }
    }
    out.flush();
  }
}
