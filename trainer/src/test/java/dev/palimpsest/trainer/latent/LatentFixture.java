/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Networks and a corpus small enough for a test. */
final class LatentFixture {
  static final AutoencoderShape CODES = new AutoencoderShape(32, 16, 1, 1, 2, 24, 2, 8, 8, 4, 1, 0);
  static final HybridShape SHAPE =
      new HybridShape(CODES, 16, 2, 24, 24, 2, 32, 1, 1, 1, 8, 8, 16, LatentPath.LINEAR);

  private LatentFixture() {}

  static LatentSettings settings(boolean bf16) {
    return new LatentSettings(
        SHAPE, 6, 3, 3e-3, 5, 0.1, 0.1, 1, 0.9, 0.5, 0.5, 1, 1, 0.1, 0.5, 0.1, 0.5, 0.15, 0.2, true,
        0, bf16);
  }

  static AutoencoderSettings autoencoderSettings(boolean bf16) {
    return new AutoencoderSettings(
        CODES, 16, 6, 3, 3e-3, 5, 0.9, 0.3, 0.25, 0.2, 0.9, 0.15, 0.15, 0.5, 0.1, bf16);
  }

  /** A VQ-VAE that gives every token codes of its own and finds it again, untrained. */
  static Autoencoder autoencoder(boolean bf16) {
    SplittableRandom random = new SplittableRandom(7);
    float[] embeddings = new float[CODES.vocabulary() * CODES.latent()];
    for (int i = 0; i < embeddings.length; i++) {
      embeddings[i] = (float) random.nextGaussian();
    }
    double[] frequencies = new double[CODES.vocabulary()];
    Arrays.fill(frequencies, 1.0 / frequencies.length);
    Autoencoder network = new Autoencoder(CODES, 2, bf16, false);
    CodeAssignment assignment = CodeAssignment.of(CODES, embeddings, frequencies, random);
    network.begin(assignment, random);
    FlatParameters.fill(network.codebook(), assignment.codebook());
    return network;
  }

  /** Tokens that run upwards from a random start, so that neighbours tell what is missing. */
  static TokenFile tokens(Path folder) throws IOException {
    byte[] bytes = new byte[2 * 2000];
    SplittableRandom random = new SplittableRandom(5);
    int id = 2;
    for (int i = 0; i < bytes.length / 2; i++) {
      id = i % 40 == 0 ? 2 + random.nextInt(30) : 2 + (id - 1) % 30;
      bytes[2 * i] = (byte) id;
    }
    Path file = folder.resolve("fixture.tokens");
    Files.write(file, bytes);
    return TokenFile.open(file);
  }

  static RowSource source(TokenFile tokens) {
    boolean[] startsLine = new boolean[CODES.vocabulary()];
    startsLine[7] = true;
    return new RowSource(tokens, startsLine, 0);
  }
}
