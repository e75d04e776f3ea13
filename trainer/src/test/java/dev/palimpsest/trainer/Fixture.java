/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;

/** A network and a corpus small enough for a test. */
final class Fixture {
  static final DenoiserShape SHAPE = new DenoiserShape(32, 16, 2, 2, 24, 16, 1, 0);

  private Fixture() {}

  static Settings settings(boolean bf16) {
    return new Settings(SHAPE, 4, 3, 1e-2, 5, 0.1, 0.1, 1, 0.9, 0.4, 0.25, bf16);
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

  static MaskedBatch.Source source(TokenFile tokens) {
    boolean[] startsLine = new boolean[SHAPE.vocabulary()];
    startsLine[7] = true;
    return new MaskedBatch.Source(tokens, SHAPE, startsLine);
  }
}
