/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code palimpsest train compare}: models of any kind on the same held-out Java. */
@Command(
    name = "compare",
    description = {
      "Asks models, masked, latent or causal, for the same held-out holes and methods through the"
          + " runtime, and prints tables in Markdown.",
      "In them: exact infills, edit similarity, parse rate, diversity and tokens a second by number of network"
          + " calls.",
      "A causal model writes a token a call, and sees what precedes a hole only."
    },
    showDefaultValues = true)
final class CompareCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private TrainCommand.Help help;

  @Parameters(
      paramLabel = "MODEL",
      arity = "1..*",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "folders of checkpoints with the same tokenizer")
  private List<Path> models;

  @Option(
      names = "--calls",
      split = ",",
      defaultValue = "1,2,4,8,16,64",
      description = "numbers of network calls; of a masked model never more than a hole has tokens")
  private List<Integer> calls;

  @Option(
      names = "--holes",
      defaultValue = "100",
      description = "of each kind: one token, eight tokens, one line")
  private int holes;

  @Option(names = "--methods", defaultValue = "60", description = "to complete")
  private int methods;

  @Option(
      names = "--length",
      defaultValue = "128",
      description =
          "tokens of a canvas, half of them a method's completion; no more than the models were"
              + " trained on")
  private int length;

  @Option(
      names = "--text",
      defaultValue = "models/java-tiny/held-out",
      description =
          "what no model has seen: a folder of Java files, or the held-out.txt of a corpus")
  private Path text;

  @Option(
      names = "--together",
      defaultValue = "16",
      description = "requests that run at a time; tokens a second are of all of them")
  private int together;

  @Mixin private RuntimeOptions runtime;

  @Option(
      names = "--plot",
      paramLabel = "SVG",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "file to draw the same into, by number of network calls")
  private Optional<Path> plot = Optional.empty();

  @Option(names = "--json", description = "every number as one JSON document")
  private boolean json;

  @Override
  public void run() {
    try {
      ComparisonReport report = report();
      plot.ifPresent(svg -> CallsPlot.draw(report.panels(), svg));
      spec.commandLine()
          .getOut()
          .println(json ? JsonMapper.shared().writeValueAsString(report) : report.markdown());
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private ComparisonReport report() throws IOException {
    if (calls.stream().anyMatch(n -> n < 1) || holes < 1 || methods < 1 || length < 96) {
      throw new IllegalArgumentException(
          "--calls, --holes and --methods must be at least 1 and --length at least 96; found %s, %d, %d and %d"
              .formatted(calls, holes, methods, length));
    }
    Path tokenizerJson = models.getFirst().resolve("tokenizer.json");
    for (Path model : models) {
      Path own = model.resolve("tokenizer.json");
      if (!Files.readString(own).equals(Files.readString(tokenizerJson))) {
        throw new IOException(
            own + " and " + tokenizerJson + " differ; models are compared token by token");
      }
    }
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(tokenizerJson)) {
      HeldOutExamples examples =
          new HeldOutExamples(
              tokenizer,
              LineStarts.of(tokenizerJson).tokens(),
              texts(text),
              length,
              BytePairTrainer.END_ID);
      Comparison comparison = new Comparison(examples, length, new Comparison.Size(holes, methods));
      List<Comparison.Row> rows = new ArrayList<>();
      EngineOptions options = runtime.engine(together);
      List<String> devices = new ArrayList<>();
      for (Path model : models) {
        try (Engine engine = Engine.open(model, options)) {
          devices.add(engine.device());
          rows.addAll(comparison.measure(model.toString(), engine, calls, System.err));
        }
      }
      return comparison.report(
          conditions(devices.stream().distinct().collect(Collectors.joining("; "))), rows);
    }
  }

  private String conditions(String devices) {
    return String.format(
        Locale.ROOT,
        "`./palimpsest train compare %s --calls %s --holes %d --methods %d --length %d --text %s"
            + " --together %d %s`: rows of %d tokens, fixed seeds, every model as"
            + " it writes when nothing else is said. On %s.",
        models.stream().map(Path::toString).collect(Collectors.joining(" ")),
        calls.stream().map(String::valueOf).collect(Collectors.joining(",")),
        holes,
        methods,
        length,
        text,
        together,
        runtime,
        length,
        devices);
  }

  /** The texts as the corpus has them. */
  private static List<String> texts(Path text) throws IOException {
    if (Files.isRegularFile(text)) {
      return Corpus.documents(text);
    }
    List<String> texts = new ArrayList<>();
    try (Stream<Path> all = Files.walk(text)) {
      for (Path file : all.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
        texts.add(JavaSource.normalized(JavaSource.withoutComments(Files.readString(file))));
      }
    }
    return texts;
  }
}
