/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.BytePairTrainer;
import dev.palimpsest.trainer.Clock;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.LossPlot;
import dev.palimpsest.trainer.OptimiserOptions;
import dev.palimpsest.trainer.Pace;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** The denoiser's sizes and training. */
final class DenoiserOptions {
  private static final int HELD_OUT_ROWS = 96;

  @Option(names = "--hidden", defaultValue = "192", description = "width of the full blocks")
  int hidden;

  @Option(names = "--heads", defaultValue = "6", description = "heads of the full blocks")
  int heads;

  @Option(
      names = "--ffn",
      defaultValue = "512",
      description = "width of the full blocks' feed-forward layers")
  int ffn;

  @Option(
      names = "--half-hidden",
      defaultValue = "256",
      description = "width of the blocks over pairs")
  int halfHidden;

  @Option(
      names = "--half-heads",
      defaultValue = "8",
      description = "heads of the blocks over pairs")
  int halfHeads;

  @Option(
      names = "--half-ffn",
      defaultValue = "688",
      description = "width of their feed-forward layers")
  int halfFfn;

  @Option(names = "--before", defaultValue = "2", description = "full blocks before the pairs")
  int before;

  @Option(names = "--half", defaultValue = "2", description = "blocks over pairs")
  int half;

  @Option(names = "--after", defaultValue = "2", description = "full blocks after the pairs")
  int after;

  @Option(
      names = "--u-net",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "blocks over pairs; without them, as many full blocks as cost the same work")
  boolean uNet;

  @Option(names = "--time-hidden", defaultValue = "64", description = "width of the time embedding")
  int timeHidden;

  @Option(names = "--length", defaultValue = "128", description = "tokens of a row")
  int length;

  @Option(
      names = "--path",
      defaultValue = "linear",
      description = "from noise to latents: linear or cosine")
  LatentPath path;

  @Option(names = "--batch", defaultValue = "32", description = "rows of a step")
  int batch;

  @Option(names = "--seed", defaultValue = "1", description = "of weights, data and noise")
  long seed;

  @Option(names = "--rate", defaultValue = "1.5e-3", description = "peak learning rate")
  double rate;

  @Option(
      names = "--weight-decay",
      defaultValue = "0.05",
      description = "AdamW's decay, on matrices")
  double weightDecay;

  @Option(
      names = "--curriculum",
      defaultValue = "0.12",
      description = "share of the run over which the noise rises to its target; 0: none")
  double curriculum;

  @Option(
      names = "--self-conditioning",
      defaultValue = "0.5",
      description = "share of batches that see a first prediction of their own")
  double selfConditioning;

  @Option(
      names = "--code-loss",
      defaultValue = "1",
      description = "weight of the cross-entropy over codes")
  double codeLoss;

  @Option(
      names = "--velocity-loss",
      defaultValue = "1",
      description = "weight of the velocity's squared error")
  double velocityLoss;

  @Option(
      names = "--token-loss",
      defaultValue = "0.1",
      description = "weight of the cross-entropy over tokens, through the frozen decoder")
  double tokenLoss;

  @Option(
      names = "--token-share",
      defaultValue = "0.2",
      description = "share of the rows that are decoded for it")
  double tokenShare;

  @Option(
      names = "--quality-loss",
      defaultValue = "0.1",
      description = "weight of the quality head's cross-entropy")
  double qualityLoss;

  @Option(
      names = "--written",
      defaultValue = "0.25",
      description = "share of rows with written text that may be wrong; 0: no self-correction")
  double written;

  @Option(
      names = "--wrong",
      defaultValue = "0.15",
      description = "largest share of wrong codes in such text; at least 0.05")
  double wrong;

  @Option(
      names = "--guidance-dropout",
      defaultValue = "0.1",
      description = "share of rows whose given text is hidden")
  double guidanceDropout;

  @Option(
      names = "--time-warp",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "noise levels follow the loss")
  boolean timeWarp;

  @Option(
      names = "--adversarial",
      defaultValue = "0",
      description =
          "largest weight of the adversarial term, as a share of the other losses' gradient;"
              + " 0: none")
  double adversarial;

  @Option(names = "--ignore-gates", description = "train on a VQ-VAE that does not reach its gates")
  boolean ignoreGates;

  @Mixin private OptimiserOptions optimiser;

  LatentSettings settings(AutoencoderShape codes, boolean bf16) {
    int full = uNet || half == 0 ? before : plainBlocks(codes);
    HybridShape shape = shape(codes, full, uNet ? half : 0);
    return new LatentSettings(
        shape,
        batch,
        seed,
        rate,
        optimiser.warmup(),
        optimiser.finalFraction(),
        weightDecay,
        optimiser.clip(),
        optimiser.average(),
        curriculum,
        selfConditioning,
        codeLoss,
        velocityLoss,
        tokenLoss,
        tokenShare,
        qualityLoss,
        written,
        wrong,
        guidanceDropout,
        timeWarp,
        adversarial,
        bf16);
  }

  /** Full blocks in front that make a plain transformer of the same multiply-adds. */
  private int plainBlocks(AutoencoderShape codes) {
    double goal = shape(codes, before, half).multiplyAdds();
    int blocks = before;
    while (shape(codes, blocks + 1, 0).multiplyAdds() - goal
        < goal - shape(codes, blocks, 0).multiplyAdds()) {
      blocks++;
    }
    return blocks;
  }

  private HybridShape shape(AutoencoderShape codes, int before, int half) {
    return new HybridShape(
        codes,
        hidden,
        heads,
        ffn,
        halfHidden,
        halfHeads,
        halfFfn,
        before,
        half,
        after,
        64,
        timeHidden,
        length,
        path);
  }

  /** Trains; false if it was stopped before the end. */
  boolean train(
      TrainCommand.Work work, Clock clock, boolean bf16, Optional<HybridFolder.Read> beginning) {
    Path run = LatentWork.run(work);
    boolean finished = train(work, run, clock.limit(), clock.pace(), bf16, System.out, beginning);
    LossPlot.of(run);
    return finished;
  }

  /**
   * Trains on a work folder's rows and VQ-VAE; false if it was stopped before the end.
   *
   * @param run folder of the checkpoint and the log
   * @param out where progress is shown
   * @param beginning the model a new run begins with; random weights if empty
   */
  boolean train(
      TrainCommand.Work work,
      Path run,
      TrainingLoop.Limit limit,
      Pace pace,
      boolean bf16,
      PrintStream out,
      Optional<HybridFolder.Read> beginning) {
    try (TokenFile train = TokenFile.open(work.trainTokens());
        TokenFile heldOut = TokenFile.open(work.heldOutTokens())) {
      checkGates(work);
      LineStarts lines = LineStarts.of(work.tokenizerJson());
      try (Autoencoder codes =
          AutoencoderTrainer.trained(TrainingLoop.checkpointFile(LatentWork.vq(work)), bf16)) {
        LatentSettings settings = settings(codes.shape(), bf16);
        Optional<float[]> initial = Optional.empty();
        if (beginning.isPresent()) {
          initial = Optional.of(weights(beginning.get(), settings.shape()));
        }
        return new TrainingLoop(
                run,
                LatentTrainer.course(
                    settings,
                    codes,
                    pace.threads(),
                    new RowSource(train, lines.tokens(), BytePairTrainer.END_ID),
                    new RowSource(heldOut, lines.tokens(), BytePairTrainer.END_ID),
                    HELD_OUT_ROWS,
                    initial),
                limit,
                pace.rhythm(),
                out,
                System.console() != null)
            .run();
      }
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private static float[] weights(HybridFolder.Read beginning, HybridShape shape)
      throws IOException {
    HybridShape own = beginning.network().shape();
    if (!own.withLength(shape.length()).equals(shape)) {
      throw new IOException(
          "--init names a model of the shape "
              + own
              + ", the run is to be of "
              + shape
              + "; give the same sizes, --length aside");
    }
    return beginning.network().parameters().values();
  }

  private void checkGates(TrainCommand.Work work) throws IOException {
    if (ignoreGates) {
      return;
    }
    if (!Files.isRegularFile(LatentWork.gates(work))) {
      throw new IOException(
          "no finished VQ-VAE in "
              + LatentWork.vq(work)
              + "; train it first with `palimpsest train latent vq`");
    }
    Gates gates =
        JsonMapper.shared().readValue(Files.readString(LatentWork.gates(work)), Gates.class);
    if (!gates.failures().isEmpty()) {
      throw new IOException(
          "the VQ-VAE does not reach its gates: "
              + String.join("; ", gates.failures())
              + ". Train it longer (--vq-minutes), change its sizes, or give --ignore-gates");
    }
  }
}
