/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.trainer.BytePairTrainer;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.HeldOutExamples;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.Pace;
import dev.palimpsest.trainer.Precision;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import dev.palimpsest.trainer.study.Contender;
import dev.palimpsest.trainer.study.Score;
import dev.palimpsest.trainer.study.Study;
import dev.palimpsest.trainer.study.StudyReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest train latent ablate}: what each switch of the denoiser's training is worth. */
@Command(
    name = "ablate",
    description = {
      "Trains the denoiser as the options say, and once more for each switch turned the other way,"
          + " with the same seeds, rows and VQ-VAE, and prints a table in Markdown.",
      "In it: held-out nats of a code by noise level, right codes, and what is sampled from them.",
      "Runs that are there are not trained again."
    },
    showDefaultValues = true)
final class AblateCommand implements Runnable {
  private static final String USUAL = "usual";

  @Spec private CommandSpec spec;
  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;
  @Mixin private DenoiserOptions denoiser;
  @Mixin private PlanOptions plan;
  @Mixin private Precision precision;
  @Mixin private Pace pace;

  @Option(
      names = "--vary",
      split = ",",
      paramLabel = "OPTION",
      defaultValue =
          "curriculum=0,no-time-warp,self-conditioning=0,code-loss=0,velocity-loss=0,token-loss=0,"
              + "quality-loss=0,written=0,guidance-dropout=0,no-u-net,path=cosine,adversarial=0.1",
      description = "options of this command, without the dashes, to be changed one at a time")
  private List<String> varied;

  @Option(names = "--steps", defaultValue = "500", description = "of each run; 0: by time")
  private long steps;

  @Option(names = "--minutes", defaultValue = "20", description = "of each run, where not by steps")
  private double minutes;

  @Option(
      names = "--seeds",
      defaultValue = "1",
      description = "how many: --seed and those after it")
  private int seeds;

  @Option(names = "--calls", defaultValue = "8", description = "network calls of what is sampled")
  private int calls;

  @Option(names = "--rows", defaultValue = "32", description = "held-out rows of each noise level")
  private int rows;

  @Option(names = "--infills", defaultValue = "100", description = "holes of eight tokens")
  private int infills;

  @Option(names = "--methods", defaultValue = "40", description = "to complete")
  private int methods;

  @Option(names = "--json", description = "every number of every seed as one JSON document")
  private boolean json;

  @Override
  public void run() {
    torch.set_num_threads(pace.threads());
    try {
      List<String> variants = new ArrayList<>(List.of(USUAL));
      variants.addAll(varied);
      check(variants);
      List<Study.Result> results = new ArrayList<>();
      for (long seed = denoiser.seed; seed < denoiser.seed + seeds; seed++) {
        for (String variant : variants) {
          results.add(result(variant, seed));
        }
      }
      StudyReport report = new StudyReport("ablation", describes(), results);
      Path folder = LatentWork.ablation(work);
      Files.writeString(folder.resolve("results.json"), report.json() + "\n");
      spec.commandLine().getOut().println(json ? report.json() : report.markdown());
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private String describes() {
    return String.format(
        Locale.ROOT,
        "one option changed at a time; %s each; held-out nats of a code between levels of ln(α/σ), %d"
            + " rows of each, and what is written in %d calls",
        steps > 0 ? steps + " steps" : minutes + " minutes",
        rows,
        calls);
  }

  /** The options as they were given, and one more. */
  private DenoiserOptions with(String variant, long seed) {
    // All that was said, this command's name and those above it first.
    List<String> said = spec.commandLine().getParseResult().originalArgs();
    List<String> words = new ArrayList<>(said.subList(said.indexOf(spec.name()) + 1, said.size()));
    words.add("--seed=" + seed);
    if (!variant.equals(USUAL)) {
      words.add("--" + variant);
    }
    AblateCommand other = new AblateCommand();
    new CommandLine(other)
        .setOverwrittenOptionsAllowed(true)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .parseArgs(words.toArray(String[]::new));
    return other.denoiser;
  }

  /** Before hours are spent: each of them is an option, and says something of the training. */
  private void check(List<String> variants) throws IOException {
    AutoencoderShape codes =
        Checkpoint.read(TrainingLoop.checkpointFile(LatentWork.vq(work)))
            .settings(AutoencoderSettings.class)
            .shape();
    Set<LatentSettings> seen = new HashSet<>();
    for (String variant : variants) {
      if (!seen.add(with(variant, denoiser.seed).settings(codes, precision.bf16()))) {
        throw new IOException(
            "--vary "
                + variant
                + " changes nothing of the denoiser's training; name an option that does, with another"
                + " value");
      }
    }
  }

  private Study.Result result(String variant, long seed) throws IOException {
    System.err.println("seed " + seed + ", " + variant);
    Path run = LatentWork.ablation(work).resolve("seed-" + seed).resolve(variant);
    TrainingLoop.Limit limit = new TrainingLoop.Limit(steps, minutes, null);
    if (!with(variant, seed)
        .train(work, run, limit, pace, precision.bf16(), System.err, Optional.empty())) {
      throw new IOException("stopped; the same command goes on from here");
    }
    Checkpoint state = Checkpoint.read(TrainingLoop.checkpointFile(run));
    LatentSettings settings = state.settings(LatentSettings.class);
    HybridShape shape = settings.shape();
    float[] weights = state.require("average");
    LineStarts lines = LineStarts.of(work.tokenizerJson());
    try (TokenFile heldOut = TokenFile.open(work.heldOutTokens());
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(work.tokenizerJson());
        Autoencoder codes =
            AutoencoderTrainer.trained(
                TrainingLoop.checkpointFile(LatentWork.vq(work)), precision.bf16());
        HybridNetwork network = new HybridNetwork(shape, 0, precision.bf16(), false)) {
      network.parameters().load(weights);
      LatentEvaluation evaluation =
          new LatentEvaluation(
              codes,
              network,
              NoiseLevels.of(state).quantiles(HybridFolder.QUANTILES),
              plan.plan(calls, false),
              new HeldOutExamples(
                  tokenizer,
                  lines.tokens(),
                  work.corpus().heldOut(),
                  shape.length(),
                  BytePairTrainer.END_ID),
              new RowSource(heldOut, lines.tokens(), BytePairTrainer.END_ID));
      Contender.Trained trained =
          new Contender.Trained(
              run,
              weights.length,
              state.step(),
              state.step() * settings.batch() * shape.length(),
              state.seconds());
      return new Study.Result(variant, seed, List.of(trained), scores(evaluation));
    }
  }

  private List<Score> scores(LatentEvaluation evaluation) {
    String how = calls + (calls == 1 ? " call" : " calls");
    List<Score> scores = new ArrayList<>();
    List<LatentEvaluation.Bin> bins = evaluation.bins(rows);
    for (LatentEvaluation.Bin bin : bins) {
      scores.add(
          new Score(
              how, String.format(Locale.ROOT, "%.1f to %.1f", bin.from(), bin.to()), bin.code()));
    }
    double right = bins.stream().mapToDouble(LatentEvaluation.Bin::right).average().orElseThrow();
    scores.add(new Score(how, "codes right %", 100 * right));
    LatentEvaluation.Infill infill = evaluation.infill("8 tokens", calls, infills, 8, 102);
    scores.add(new Score(how, "8 tokens, exact %", 100 * infill.exact()));
    scores.add(new Score(how, "8 tokens, similarity", infill.similarity()));
    LatentEvaluation.Completion completion =
        evaluation.completion(calls, evaluation.methods(methods));
    scores.add(new Score(how, "methods accepted %", 100 * completion.accepted()));
    scores.add(new Score(how, "methods, similarity", completion.similarity()));
    scores.add(new Score(how, "distinct pairs %", 100 * completion.distinct()));
    return scores;
  }
}
