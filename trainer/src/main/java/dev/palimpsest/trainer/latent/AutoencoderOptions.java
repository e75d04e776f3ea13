/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.BytePairTrainer;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.Pace;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Option;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The VQ-VAE's sizes and training. */
final class AutoencoderOptions {
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

  @Option(names = "--vq-seed", defaultValue = "1", description = "of the VQ-VAE's weights and data")
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

  AutoencoderSettings settings(int vocabulary, boolean bf16) {
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
  boolean train(TrainCommand.Work work, Pace pace, boolean bf16) {
    if (Files.isRegularFile(LatentWork.gates(work))) {
      return true;
    }
    try (TokenFile train = TokenFile.open(work.trainTokens());
        TokenFile heldOut = TokenFile.open(work.heldOutTokens())) {
      LineStarts lines = LineStarts.of(work.tokenizerJson());
      AutoencoderSettings settings = settings(lines.vocabulary(), bf16);
      RowSource source = new RowSource(train, lines.tokens(), BytePairTrainer.END_ID);
      boolean finished =
          new TrainingLoop(
                  LatentWork.vq(work),
                  AutoencoderTrainer.course(settings, pace.threads(), source, heldOut),
                  new TrainingLoop.Limit(steps, minutes, null),
                  pace.rhythm(),
                  System.out,
                  System.console() != null)
              .run();
      if (!finished) {
        return false;
      }
      torch.set_num_threads(pace.threads());
      measure(work, length, train, heldOut);
      return true;
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  /**
   * Takes a model's VQ-VAE for the one of a work folder that has none yet, and measures its gates.
   *
   * @throws IOException when the folder has another
   */
  static void adopt(TrainCommand.Work work, HybridFolder.Read model, boolean bf16)
      throws IOException {
    Path checkpoint = TrainingLoop.checkpointFile(LatentWork.vq(work));
    float[] codebook = FlatParameters.copy(model.autoencoder().codebook());
    if (Files.isRegularFile(checkpoint)) {
      if (!Arrays.equals(Checkpoint.read(checkpoint).require("codebook"), codebook)) {
        throw new IOException(
            LatentWork.vq(work)
                + " holds another VQ-VAE than the one --init begins with; name another --work"
                + " folder, or remove that one");
      }
      return;
    }
    Files.createDirectories(checkpoint.getParent());
    AutoencoderShape shape = model.autoencoder().shape();
    float[] weights = model.autoencoder().parameters().values();
    Map<String, float[]> tensors =
        Map.of("weights", weights, "average", weights, "codebook", codebook);
    int length = model.network().shape().length();
    AutoencoderSettings settings = AutoencoderSettings.usual(shape, length, 32, 1, 3e-3, 100, bf16);
    new Checkpoint(JsonMapper.shared().writeValueAsString(settings), 0, 0, 1, tensors)
        .write(checkpoint);
    try (TokenFile train = TokenFile.open(work.trainTokens());
        TokenFile heldOut = TokenFile.open(work.heldOutTokens())) {
      measure(work, length, train, heldOut);
    }
  }

  private static void measure(
      TrainCommand.Work work, int length, TokenFile train, TokenFile heldOut) throws IOException {
    try (Autoencoder trained =
        AutoencoderTrainer.trained(TrainingLoop.checkpointFile(LatentWork.vq(work)), false)) {
      int size = Math.toIntExact(heldOut.length());
      Gates gates =
          AutoencoderTrainer.measure(
              trained,
              length,
              AutoencoderTrainer.tokens(heldOut, size),
              AutoencoderTrainer.tokens(train, (int) Math.min(train.length(), size)));
      Files.writeString(
          LatentWork.gates(work),
          JsonMapper.builder()
              .enable(SerializationFeature.INDENT_OUTPUT)
              .build()
              .writeValueAsString(gates));
      System.out.println("gates: " + gates.text());
      gates.failures().forEach(f -> System.out.println("not reached: " + f));
    }
  }
}
