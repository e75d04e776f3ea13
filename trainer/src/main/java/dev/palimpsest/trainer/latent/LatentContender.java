/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.StudyBudget;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainingLoop;
import dev.palimpsest.trainer.study.Contender;
import dev.palimpsest.trainer.study.Rows;
import dev.palimpsest.trainer.study.Words;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/**
 * Latent diffusion in a study: a VQ-VAE half as wide as the others' transformer, trained for a
 * quarter of the steps, and a denoiser on its codes that costs as many multiply-adds a position as
 * the transformer's blocks, trained for all of them.
 *
 * @param groups codes of a position
 */
public record LatentContender(int groups, StudyBudget budget) implements Contender {
  /** The VQ-VAE's steps, as a part of the denoiser's. */
  private static final int VQ_PART = 4;

  /** It has to come past the beginning of its training, where there are no codes. */
  private static final long LEAST_VQ_STEPS = 8;

  private static final int MOST_WIDTH = 32;
  private static final int NORM_GROUPS = 8;

  /** The number of calls whose times an export names; other numbers are spread alike. */
  private static final int CALLS = 8;

  private static final double TEMPERATURE = 0.5;

  public LatentContender {
    int step = Math.max(2 * NORM_GROUPS, 4 * budget.heads());
    if (budget.hidden() % step != 0) {
      throw new IllegalArgumentException(
          "a latent model's VQ-VAE is half as wide as its denoiser: with --heads %d --hidden must be a multiple of %d; found %d"
              .formatted(budget.heads(), step, budget.hidden()));
    }
    if (groups < 1 || groups > 8) {
      throw new IllegalArgumentException("--groups must be 1 to 8; found " + groups);
    }
  }

  @Override
  public String name() {
    return "latent";
  }

  @Override
  public Trained train(Path folder, Path rows, int length, long seed) throws IOException {
    try (TokenFile train = TokenFile.open(Rows.trainTokens(rows));
        TokenFile heldOut = TokenFile.open(Rows.heldOutTokens(rows))) {
      AutoencoderShape codes = codes(LineStarts.of(Rows.tokenizer(rows)).vocabulary());
      RowSource source = new RowSource(train, new boolean[0], Words.END);
      RowSource others = new RowSource(heldOut, new boolean[0], Words.END);
      long first = Math.max(LEAST_VQ_STEPS, budget.steps() / VQ_PART);
      AutoencoderSettings settings =
          AutoencoderSettings.usual(
              codes,
              length,
              budget.batch(),
              seed,
              budget.rate(),
              Math.clamp(first / 20, 1, 100),
              budget.bf16());
      Path vq = folder.resolve("vq");
      budget.train(
          vq, AutoencoderTrainer.course(settings, budget.threads(), source, heldOut), first);
      Path checkpoint = TrainingLoop.checkpointFile(vq);
      try (Autoencoder autoencoder = AutoencoderTrainer.trained(checkpoint, budget.bf16())) {
        say(autoencoder, length, train, heldOut);
        Path run = folder.resolve("run");
        budget.train(
            run,
            LatentTrainer.course(
                LatentSettings.usual(
                    shape(codes, length),
                    budget.batch(),
                    seed,
                    budget.rate(),
                    budget.warmup(),
                    0.99,
                    budget.bf16()),
                autoencoder,
                budget.threads(),
                source,
                others,
                2 * budget.batch()),
            budget.steps());
        Checkpoint state = Checkpoint.read(TrainingLoop.checkpointFile(run));
        Path model = folder.resolve("model");
        write(model, autoencoder, state, rows);
        return new Trained(
            model,
            autoencoder.parameters().size()
                + autoencoder.codebook().numel()
                + state.require("average").length,
            state.step(),
            (first + state.step()) * budget.batch() * length,
            Checkpoint.read(checkpoint).seconds() + state.seconds());
      }
    }
  }

  /** The gates are told and not insisted on: what a study shows is what came of it. */
  private void say(Autoencoder autoencoder, int length, TokenFile train, TokenFile heldOut) {
    Gates gates =
        AutoencoderTrainer.measure(
            autoencoder,
            length,
            AutoencoderTrainer.tokens(heldOut, Math.toIntExact(heldOut.length())),
            AutoencoderTrainer.tokens(train, (int) Math.min(train.length(), 4 * heldOut.length())));
    budget.progress().println("gates: " + gates.text());
    gates.failures().forEach(f -> budget.progress().println("not reached: " + f));
  }

  private void write(Path model, Autoencoder autoencoder, Checkpoint state, Path rows)
      throws IOException {
    LatentSettings settings = state.settings(LatentSettings.class);
    HybridFolder.write(
        model,
        autoencoder,
        settings.shape(),
        state.require("average"),
        DType.F32,
        settings.shape().length(),
        HybridFolder.sampling(
            LatentSampler.Plan.of(CALLS).withTemperature(TEMPERATURE), NoiseLevels.of(state)),
        Map.of("format", "pt", "step", Long.toString(state.step())));
    Files.copy(
        Rows.tokenizer(rows), model.resolve("tokenizer.json"), StandardCopyOption.REPLACE_EXISTING);
  }

  /** As few codes a group as tell all tokens apart. */
  private AutoencoderShape codes(int vocabulary) {
    int codes = 2;
    while (Math.pow(codes, groups) < vocabulary) {
      codes++;
    }
    return new AutoencoderShape(
        vocabulary,
        budget.hidden() / 2,
        1,
        1,
        budget.heads(),
        Math.max(8, budget.ffn() / 2),
        groups,
        codes,
        Math.min(MOST_WIDTH, budget.hidden() / 2 / groups),
        NORM_GROUPS,
        Words.MASK,
        Words.END);
  }

  /**
   * As many blocks before the pairs, over pairs and after them, and feed-forward layers as wide as
   * make the work of all of them the transformer's.
   */
  private HybridShape shape(AutoencoderShape codes, int length) {
    double hidden = budget.hidden();
    int blocks = Math.max(1, Math.round(budget.layers() / 3f));
    double block = (budget.multiplyAdds() - hidden * hidden) / (2.5 * blocks);
    int ffn = Math.max(8, 8 * (int) Math.round((block - 7 * hidden * hidden) / (24 * hidden)));
    return new HybridShape(
        codes,
        budget.hidden(),
        budget.heads(),
        ffn,
        budget.hidden(),
        budget.heads(),
        ffn,
        blocks,
        blocks,
        blocks,
        64,
        Math.max(8, budget.hidden() / 4),
        length,
        LatentPath.LINEAR);
  }
}
