/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.BytePairTrainer;
import dev.palimpsest.trainer.Clock;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.LossPlot;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Option;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The stages of a latent model's training and where their results lie, with their options. */
final class LatentWork {
  private LatentWork() {}

  static Path vq(TrainCommand.Work work) {
    return work.folder().resolve("latent/vq");
  }

  static Path gates(TrainCommand.Work work) {
    return vq(work).resolve("gates.json");
  }

  static Path run(TrainCommand.Work work) {
    return work.folder().resolve("latent/run");
  }

  /** The VQ-VAE's sizes and training. */
  static final class AutoencoderOptions {
    @Option(names = "--groups", defaultValue = "2", description = "codes of a position")
    int groups;

    @Option(names = "--codes", defaultValue = "256", description = "entries of a group's codebook")
    int codes;

    @Option(names = "--width", defaultValue = "32", description = "numbers of a code")
    int width;

    @Option(names = "--vq-hidden", defaultValue = "128", description = "width of the VQ-VAE")
    int hidden;

    @Option(
        names = "--vq-encoder-layers",
        defaultValue = "2",
        description = "convolutions of the encoder")
    int encoderLayers;

    @Option(
        names = "--vq-decoder-layers",
        defaultValue = "3",
        description = "transformer blocks of the decoder")
    int decoderLayers;

    @Option(names = "--vq-heads", defaultValue = "4", description = "heads of the decoder")
    int heads;

    @Option(
        names = "--vq-ffn",
        defaultValue = "344",
        description = "width of the decoder's feed-forward layers")
    int ffn;

    @Option(names = "--vq-batch", defaultValue = "32", description = "rows of a VQ-VAE step")
    int batch;

    @Option(names = "--vq-length", defaultValue = "128", description = "tokens of a VQ-VAE row")
    int length;

    @Option(names = "--vq-rate", defaultValue = "3e-3", description = "peak learning rate")
    double rate;

    @Option(
        names = "--vq-minutes",
        defaultValue = "8",
        description = "training time of the VQ-VAE, over all resumes")
    double minutes;

    @Option(names = "--vq-steps", defaultValue = "0", description = "total steps; 0: by time")
    long steps;

    @Option(
        names = "--vq-seed",
        defaultValue = "1",
        description = "of the VQ-VAE's weights and data")
    long seed;

    @Option(
        names = "--commitment",
        defaultValue = "0.25",
        description = "weight of the distance from codes")
    double commitment;

    @Option(
        names = "--balance",
        defaultValue = "0.2",
        description = "weight of the entropy of the codes' use")
    double balance;

    @Option(
        names = "--continuous",
        defaultValue = "0.35",
        description = "share of the VQ-VAE's training before there are codes")
    double continuous;

    @Option(
        names = "--input-masking",
        defaultValue = "0.15",
        description = "share of positions unknown to the encoder; 0 for none")
    double inputMasking;

    @Option(
        names = "--latent-dropout",
        defaultValue = "0.15",
        description = "share of latents kept from the decoder")
    double latentDropout;

    @Option(
        names = "--decoder-noise",
        defaultValue = "0.8",
        description = "largest deviation of the noise on the decoder's input")
    double noise;

    @Option(
        names = "--replaced-codes",
        defaultValue = "0.075",
        description = "share of positions with a wrong code for the decoder to mend")
    double replaced;

    @Option(
        names = "--bf16",
        negatable = true,
        defaultValue = "true",
        fallbackValue = "true",
        description = "multiply matrices in bfloat16")
    boolean bf16;

    AutoencoderShape shape(int vocabulary) {
      return new AutoencoderShape(
          vocabulary,
          hidden,
          encoderLayers,
          decoderLayers,
          heads,
          ffn,
          groups,
          codes,
          width,
          8,
          BytePairTrainer.MASK_ID,
          BytePairTrainer.END_ID);
    }

    AutoencoderSettings settings(int vocabulary) {
      return new AutoencoderSettings(
          shape(vocabulary),
          length,
          batch,
          seed,
          rate,
          100,
          0.99,
          continuous,
          commitment,
          balance,
          0.99,
          inputMasking,
          latentDropout,
          noise,
          replaced,
          bf16);
    }

    /** Trains, measures the gates and writes them down; false if it was stopped before the end. */
    boolean train(TrainCommand.Work work, Clock clock) {
      if (Files.isRegularFile(gates(work))) {
        return true;
      }
      try (TokenFile train = TokenFile.open(work.trainTokens());
          TokenFile heldOut = TokenFile.open(work.heldOutTokens())) {
        LineStarts lines = LineStarts.of(work.tokenizerJson());
        AutoencoderSettings settings = settings(lines.vocabulary());
        RowSource source = new RowSource(train, lines.tokens(), BytePairTrainer.END_ID);
        boolean finished =
            new TrainingLoop(
                    vq(work),
                    AutoencoderTrainer.course(settings, clock.threads(), source, heldOut),
                    new TrainingLoop.Limit(steps, minutes, null),
                    clock.rhythm(),
                    System.out,
                    System.console() != null)
                .run();
        if (!finished) {
          return false;
        }
        torch.set_num_threads(clock.threads());
        measure(work, train, heldOut);
        return true;
      } catch (IOException e) {
        throw new TrainCommand.Failure(e.getMessage(), e);
      }
    }

    private void measure(TrainCommand.Work work, TokenFile train, TokenFile heldOut)
        throws IOException {
      try (Autoencoder trained =
          AutoencoderTrainer.trained(TrainingLoop.checkpointFile(vq(work)), false)) {
        int size = Math.toIntExact(heldOut.length());
        Gates gates =
            AutoencoderTrainer.measure(
                trained,
                length,
                AutoencoderTrainer.tokens(heldOut, size),
                AutoencoderTrainer.tokens(train, (int) Math.min(train.length(), size)));
        Files.writeString(
            gates(work),
            JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build()
                .writeValueAsString(gates));
        System.out.println("gates: " + gates.text());
        gates.failures().forEach(f -> System.out.println("not reached: " + f));
      }
    }
  }

  /** The denoiser's sizes and training. */
  static final class DenoiserOptions {
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

    @Option(
        names = "--time-hidden",
        defaultValue = "64",
        description = "width of the time embedding")
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

    @Option(names = "--warmup", defaultValue = "200", description = "steps of linear warm-up")
    int warmup;

    @Option(
        names = "--final-rate",
        defaultValue = "0.02",
        description = "learning rate at the end, as a fraction of the peak")
    double finalFraction;

    @Option(
        names = "--weight-decay",
        defaultValue = "0.05",
        description = "AdamW's decay, on matrices")
    double weightDecay;

    @Option(names = "--clip", defaultValue = "1", description = "largest norm of the gradient")
    double clip;

    @Option(
        names = "--average",
        defaultValue = "0.998",
        description = "decay of the weight average")
    double average;

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

    @Option(
        names = "--ignore-gates",
        description = "train on a VQ-VAE that does not reach its gates")
    boolean ignoreGates;

    LatentSettings settings(AutoencoderShape codes, boolean bf16) {
      int full = uNet || half == 0 ? before : plainBlocks(codes);
      HybridShape shape =
          new HybridShape(
              codes,
              hidden,
              heads,
              ffn,
              halfHidden,
              halfHeads,
              halfFfn,
              full,
              uNet ? half : 0,
              after,
              64,
              timeHidden,
              length,
              path);
      return new LatentSettings(
          shape,
          batch,
          seed,
          rate,
          warmup,
          finalFraction,
          weightDecay,
          clip,
          average,
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
    boolean train(TrainCommand.Work work, Clock clock, boolean bf16) {
      try (TokenFile train = TokenFile.open(work.trainTokens());
          TokenFile heldOut = TokenFile.open(work.heldOutTokens())) {
        checkGates(work);
        LineStarts lines = LineStarts.of(work.tokenizerJson());
        try (Autoencoder codes =
            AutoencoderTrainer.trained(TrainingLoop.checkpointFile(vq(work)), bf16)) {
          boolean finished =
              new TrainingLoop(
                      run(work),
                      LatentTrainer.course(
                          settings(codes.shape(), bf16),
                          codes,
                          clock.threads(),
                          new RowSource(train, lines.tokens(), BytePairTrainer.END_ID),
                          new RowSource(heldOut, lines.tokens(), BytePairTrainer.END_ID),
                          HELD_OUT_ROWS),
                      clock.limit(),
                      clock.rhythm(),
                      System.out,
                      System.console() != null)
                  .run();
          LossPlot.of(run(work));
          return finished;
        }
      } catch (IOException e) {
        throw new TrainCommand.Failure(e.getMessage(), e);
      }
    }

    private void checkGates(TrainCommand.Work work) throws IOException {
      if (ignoreGates) {
        return;
      }
      if (!Files.isRegularFile(gates(work))) {
        throw new IOException(
            "no finished VQ-VAE in "
                + vq(work)
                + "; train it first with `palimpsest train latent vq`");
      }
      Gates gates = JsonMapper.shared().readValue(Files.readString(gates(work)), Gates.class);
      if (!gates.failures().isEmpty()) {
        throw new IOException(
            "the VQ-VAE does not reach its gates: "
                + String.join("; ", gates.failures())
                + ". Train it longer (--vq-minutes), change its sizes, or give --ignore-gates");
      }
    }
  }
}
