/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.bench.QualityReport.LossLevel;
import dev.palimpsest.bench.QualityReport.LossRow;
import dev.palimpsest.bench.QualityReport.Measure;
import dev.palimpsest.bench.QualityReport.TaskRow;
import dev.palimpsest.bench.QualityReport.TaskTable;
import dev.palimpsest.kernels.AttentionMask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code bench quality}: what ways of decoding cost on held-out Java. */
@Command(
    name = "quality",
    sortOptions = false,
    description = {
      "Measure what caches, commit rules and precisions cost: masked loss, and how well holes in"
          + " held-out Java files are written.",
      "Every configuration gets the same holes; differences are to the first one, hole by hole,"
          + " with their standard errors."
    })
final class QualityCommand implements Callable<Integer> {
  private static final int WARMUP = 16;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;

  @Option(
      names = "--suite",
      paramLabel = "SUITE",
      description =
          "What to compare: ${COMPLETION-CANDIDATES} (default: caches, unless --decode is given).")
  private QualitySuite suite;

  @Option(
      names = "--decode",
      paramLabel = "CONFIG",
      description = {
        "A configuration instead of a suite's, as key=value,key=value (repeatable; default: those of"
            + " the suite).",
        "Keys: dtype, weights (as-they-are or int8), rule, steps, tokens-per-step,"
            + " max-steps-per-block, block, threshold, low-threshold, factor, entropy-bound, edit,"
            + " cache, refresh."
      })
  private List<String> decode = List.of();

  @Option(
      names = "--task",
      paramLabel = "TASK",
      converter = Task.class,
      description =
          "Holes to write: token, eight, line, body or method (repeatable; default: those of the"
              + " suite).")
  private List<HoleTask> tasks = List.of();

  @Option(
      names = "--loss",
      negatable = true,
      description = "Measure the masked loss, too (default: only in the suite dtypes).")
  private Optional<Boolean> loss = Optional.empty();

  @Option(
      names = "--items",
      paramLabel = "N",
      defaultValue = "200",
      description =
          "Holes of each kind, and rows of each level of noise (default: ${DEFAULT-VALUE}).")
  private int items;

  @Option(
      names = "--text",
      paramLabel = "PATH",
      description =
          "Folder of Java files that the model has not seen (default: held-out in the model's"
              + " folder).")
  private Path text;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "192",
      description = "Tokens of a canvas (default: ${DEFAULT-VALUE}).")
  private int length;

  @Option(
      names = "--together",
      paramLabel = "N",
      defaultValue = "16",
      description = "Requests running at a time (default: ${DEFAULT-VALUE}).")
  private int together;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of holes and masks (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--markdown", description = "Print tables in Markdown (default: aligned text).")
  private boolean markdown;

  @Mixin private OutputOptions output;

  private static final class Task implements ITypeConverter<HoleTask> {
    @Override
    public HoleTask convert(String value) {
      return Arrays.stream(HoleTask.values())
          .filter(task -> task.spelling().equals(value))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "expected one of "
                          + Arrays.stream(HoleTask.values())
                              .map(HoleTask::spelling)
                              .collect(Collectors.joining(", "))
                          + "; found '"
                          + value
                          + "'"));
    }
  }

  @Override
  public Integer call() {
    options.atLeast("--items", items, 2);
    options.atLeast("--length", length, 128);
    options.atLeast("--together", together, 1);
    List<QualityConfig> configs = configs();
    Progress progress = new Progress(spec.commandLine().getErr());
    QualityReport report = measure(configs, progress);
    progress.done();
    output.print(report, QualityTables.of(report, markdown));
    return 0;
  }

  private QualitySuite suite() {
    return suite == null ? QualitySuite.caches : suite;
  }

  private List<QualityConfig> configs() {
    try {
      return (decode.isEmpty() ? suite().configs() : decode)
          .stream().map(QualityConfig::parse).toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--decode: " + e.getMessage(), e);
    }
  }

  private Path text() {
    Path path = text == null ? options.model().resolve("held-out") : text;
    if (!Files.exists(path)) {
      throw new ParameterException(
          spec.commandLine(),
          path
              + " is not there: pass --text with Java files that the model has not seen, such as"
              + " models/java-tiny/held-out");
    }
    return path;
  }

  /** Holes with text on both sides, and a loss under masks, are for one kind of model. */
  private void refuseOthers(Engine engine) {
    if (engine.latent().isPresent() || !engine.config().mask().equals(AttentionMask.FULL)) {
      throw new IllegalArgumentException(
          "%s is %s: quality is measured of masked models that attend to everything, such as models/java-tiny%s"
              .formatted(
                  options.model(),
                  engine.latent().isPresent()
                      ? "a hybrid latent model"
                      : engine.config().causal()
                          ? "a causal model"
                          : "a model that attends in blocks",
                  engine.latent().isPresent() ? "; of this kind, by train latent evaluate" : ""));
    }
  }

  /** What one configuration gave. */
  private record Outcome(
      QualityConfig config,
      Optional<MaskedLoss.Result> loss,
      Map<HoleTask, HoleRun.Scores> scores) {}

  private QualityReport measure(List<QualityConfig> configs, Progress progress) {
    long began = System.nanoTime();
    JavaSyntax syntax = new JavaSyntax();
    List<String> files = HeldOutFiles.read(text(), syntax);
    boolean withLoss = loss.orElse(decode.isEmpty() && suite().loss());
    List<HoleTask> chosen = tasks.isEmpty() ? suite().tasks() : tasks;
    try (QualityEngines engines =
        new QualityEngines(options.model(), options.engineOptions(), progress)) {
      Engine first = engines.of(configs.getFirst());
      refuseOthers(first);
      String device = first.device();
      HoleSampler sampler = new HoleSampler(files, first.tokenizer(), syntax, length);
      MaskedLoss masked =
          new MaskedLoss(sampler, withLoss ? items : 0, first.config().maskToken(), seed);
      Map<HoleTask, List<HoleItem>> holes = new EnumMap<>(HoleTask.class);
      for (HoleTask task : chosen) {
        holes.put(task, holes(sampler, task));
      }
      List<Outcome> outcomes = new ArrayList<>();
      for (QualityConfig config : configs) {
        String which = "configuration " + (outcomes.size() + 1) + "/" + configs.size() + ", ";
        Engine engine = engines.of(config);
        HoleRun run = new HoleRun(engine, syntax, together);
        if (engines.fresh()) {
          List<HoleItem> some = holes.values().iterator().next();
          run.run(some.subList(0, Math.min(WARMUP, some.size())), config, done -> {});
        }
        Optional<MaskedLoss.Result> lost =
            withLoss
                ? Optional.of(
                    masked.measure(
                        engine,
                        done -> progress.show(which + "masked row", done, masked.forwards())))
                : Optional.empty();
        Map<HoleTask, HoleRun.Scores> scores = new EnumMap<>(HoleTask.class);
        holes.forEach(
            (task, some) ->
                scores.put(
                    task,
                    run.run(
                        some,
                        config,
                        done -> progress.show(which + task.title(), done, some.size()))));
        outcomes.add(new Outcome(config, lost, scores));
      }
      return new QualityReport(
          withLoss ? lossRows(outcomes) : List.of(),
          holes.keySet().stream().map(task -> table(task, outcomes)).toList(),
          options.model().toString(),
          text().toString(),
          sampler.files(),
          length,
          seed,
          together,
          device,
          (System.nanoTime() - began) / 1e9,
          Conditions.here());
    }
  }

  private List<HoleItem> holes(HoleSampler sampler, HoleTask task) {
    List<HoleItem> holes = sampler.holes(task, items, seed);
    if (holes.size() < 2) {
      throw new IllegalArgumentException(
          "--text "
              + text()
              + " has no two places for a hole of the kind "
              + task.spelling()
              + ": take more files, or other kinds with --task");
    }
    return holes;
  }

  private static List<LossRow> lossRows(List<Outcome> outcomes) {
    MaskedLoss.Result first = outcomes.getFirst().loss().orElseThrow();
    return outcomes.stream()
        .map(
            outcome -> {
              MaskedLoss.Result result = outcome.loss().orElseThrow();
              List<LossLevel> levels = new ArrayList<>();
              for (int i = 0; i < result.levels().size(); i++) {
                MaskedLoss.Level level = result.levels().get(i);
                MaskedLoss.Level base = first.levels().get(i);
                levels.add(
                    new LossLevel(
                        level.noise(),
                        level.tokens().length,
                        Math.round(Arrays.stream(level.tokens()).sum()),
                        Measure.of(level.nats(), base.nats(), level.tokens()),
                        Measure.of(level.right(), base.right(), level.tokens())));
              }
              return new LossRow(outcome.config().toString(), levels, result.logitsError(first));
            })
        .toList();
  }

  private static TaskTable table(HoleTask task, List<Outcome> outcomes) {
    HoleRun.Scores first = outcomes.getFirst().scores().get(task);
    double[] each = new double[first.exact().length];
    Arrays.fill(each, 1);
    boolean truth = Arrays.stream(first.tokens()).sum() > 0;
    List<TaskRow> rows = new ArrayList<>();
    for (Outcome outcome : outcomes) {
      HoleRun.Scores scores = outcome.scores().get(task);
      double written = Arrays.stream(scores.written()).sum();
      double forwards = Arrays.stream(scores.forwards()).sum();
      rows.add(
          new TaskRow(
              outcome.config().toString(),
              truth
                  ? Optional.of(Measure.of(scores.exact(), first.exact(), each))
                  : Optional.empty(),
              truth
                  ? Optional.of(Measure.of(scores.right(), first.right(), scores.tokens()))
                  : Optional.empty(),
              Measure.of(scores.parses(), first.parses(), each),
              forwards / each.length,
              written / forwards,
              written / scores.seconds()));
    }
    return new TaskTable(
        task.spelling(),
        task.title().substring(0, 1).toUpperCase(Locale.ROOT) + task.title().substring(1),
        each.length,
        Arrays.stream(first.written()).sum() / each.length,
        rows);
  }
}
