/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Batches of a causal network: the rows that masked ones are made of, nothing masked, every
 * position but the last predicting the token that follows it.
 */
final class NextTokens {
  private NextTokens() {}

  /** Draws a batch; a pure function of its arguments, as {@link MaskedBatch#draw}. */
  static MaskedBatch draw(MaskedBatch.Source source, int rows, long seed, long step) {
    int length = source.shape().length();
    int[] ids = new int[rows * length];
    int[] positions = new int[rows * (length - 1)];
    long[] targets = new long[positions.length];
    float[] weights = new float[positions.length];
    Arrays.fill(weights, 1);
    SplittableRandom random = RowSource.random(seed, step);
    int n = 0;
    for (int r = 0; r < rows; r++) {
      source.rows().crop(random, ids, r * length, length);
      for (int i = r * length; i < (r + 1) * length - 1; i++) {
        positions[n] = i;
        targets[n] = ids[i + 1];
        n++;
      }
    }
    return new MaskedBatch(rows, ids, positions, targets, weights);
  }
}
