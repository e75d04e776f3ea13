/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationResult;
import dev.palimpsest.text.Tokenizer;
import dev.palimpsest.weights.FileFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest infill}: writes into holes, seeing the text on both sides. */
@Command(
    name = "infill",
    sortOptions = false,
    description = {
      "Fills the holes of a text, seeing what stands on both sides of them.",
      "A hole of eight tokens is written [[8]]. \\[[8]] is the text [[8]] itself, \\\\[[8]] a"
          + " backslash and a hole.",
      "A model that attends in blocks, such as SDAR, cannot see what follows a hole and refuses."
    },
    footer = {
      "",
      "Examples:",
      "  palimpsest infill --watch \"int max(int a, int b) { return[[6]]; }\"",
      "  palimpsest infill \"for (int i =[[1]]; i <[[4]]; i++) {\"",
      "  palimpsest infill --file Stack.java --lines 12-14      writes these lines anew",
      "  palimpsest infill --file Stack.java --lines 12-14 --tokens 40 --holes-only"
    })
final class InfillCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "TEXT",
      description = "Text with holes; - or a pipe reads it from standard input.")
  private String text;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description =
          "Take the text from a file (default: none). With --lines it is taken as it is, without it"
              + " [[N]] are holes.")
  private Path file;

  @Option(
      names = "--lines",
      paramLabel = "A-B",
      description = "Lines of the file to write anew, counted from 1 (default: none).",
      converter = LineRange.Converter.class)
  private LineRange lines;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description =
          "Size of the hole that --lines makes (default: the tokens of the lines it replaces).")
  private Integer tokens;

  @Option(
      names = "--context",
      paramLabel = "N",
      description =
          "Tokens of text that the model sees around the holes of a file (default: as many as it was"
              + " made for).")
  private Integer context;

  @Option(
      names = "--holes-only",
      description = "Print what was written into the holes, not the whole text (default: all).")
  private boolean holesOnly;

  @Mixin private EngineChoice engineChoice;
  @Mixin private DecodingChoice decoding;
  @Mixin private WatchChoice watching;

  InfillCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws IOException {
    watching.check();
    check();
    return lines == null ? fillHoles() : fillLines();
  }

  private void check() {
    if (file != null && text != null) {
      throw usage("TEXT and --file both give the text: choose one");
    }
    if (lines != null && file == null) {
      throw usage("--lines needs --file, the file whose lines are meant");
    }
    if (tokens != null && lines == null) {
      throw usage("--tokens is the size of the hole that --lines makes; in TEXT write [[N]]");
    }
    if (tokens != null && tokens < 1) {
      throw usage("--tokens must be at least 1; found " + tokens);
    }
    if (context != null && context < 0) {
      throw usage("--context must be 0 or more; found " + context);
    }
    if (context != null && lines == null) {
      throw usage("--context needs --lines: a text with [[N]] holes is seen whole");
    }
  }

  private int fillHoles() throws IOException {
    HoleText source = HoleText.parse(file == null ? text() : read(file));
    if (source.holes() == 0) {
      throw usage("nothing to write: the text has no hole; write one as [[8]], eight tokens");
    }
    GenerationRequest request =
        decoding.complete(
            source.request().plainTextOnly(true).previews(watching.watched()), source.tokens());
    long begun = System.nanoTime();
    try (Engine engine = engineChoice.open(machine)) {
      long loaded = System.nanoTime() - begun;
      GenerationResult result = run(engine, request, source.tokens());
      print(engine, result, source.filled(result.holes()), loaded);
    }
    return 0;
  }

  private int fillLines() throws IOException {
    LineRange.Cut cut;
    try {
      cut = lines.cut(read(file));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage() + " in " + file, e);
    }
    long begun = System.nanoTime();
    try (Engine engine = engineChoice.open(machine)) {
      long loaded = System.nanoTime() - begun;
      Tokenizer tokenizer = engine.tokenizer();
      int hole = tokens == null ? Math.max(1, tokenizer.encode(cut.middle()).length) : tokens;
      int room = Math.max(0, engine.config().maxPositions() - hole);
      int seen = context == null ? room : Math.min(context, room);
      int[] before = tokenizer.encode(cut.before());
      int[] after = tokenizer.encode(cut.after());
      // Half of the context on each side; what one side does not need goes to the other.
      int left = Math.min(before.length, Math.max(seen - seen / 2, seen - after.length));
      int right = Math.min(after.length, seen - left);
      GenerationRequest.Builder request = GenerationRequest.builder();
      if (left > 0) {
        request.tokens(Arrays.copyOfRange(before, before.length - left, before.length));
      }
      request.hole(hole);
      if (right > 0) {
        request.tokens(Arrays.copyOf(after, right));
      }
      request.plainTextOnly(true).previews(watching.watched());
      GenerationResult result = run(engine, decoding.complete(request, hole), hole);
      print(engine, result, cut.before() + result.holes().getFirst() + cut.after(), loaded);
    }
    return 0;
  }

  private GenerationResult run(Engine engine, GenerationRequest request, int newTokens) {
    return Writing.run(
        engine,
        request,
        decoding.plannedSteps(newTokens, engine),
        watching.viewers(machine.terminal()));
  }

  private void print(Engine engine, GenerationResult result, String filled, long loadNanos) {
    Report report =
        new Report(engineChoice.model(machine), engine, result, filled, decoding.seed(), loadNanos);
    List<String> holes = result.holes();
    watching.print(report, holesOnly ? String.join("\n", holes) : filled);
  }

  private String text() throws IOException {
    boolean piped = "-".equals(text) || (text == null && !machine.terminal().typing());
    String given = piped ? machine.inputText() : text;
    if (given == null || given.isEmpty()) {
      throw usage("TEXT is missing: give it as an argument, with --file or on standard input");
    }
    return given;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new FailureException("--file " + file + " cannot be read: " + FileFault.reason(e), e);
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
