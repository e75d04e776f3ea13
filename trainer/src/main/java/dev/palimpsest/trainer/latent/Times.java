/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * The times of a batch's positions as the distinct ones of each row and which of them a position
 * has: modulations are computed once for each distinct time.
 *
 * @param distinct [batch · kinds]
 * @param full one-hot, [batch · length · kinds]
 * @param pairs one-hot, [batch · ⌈length / 2⌉ · kinds]; a pair has the noisier time of its two
 */
record Times(int batch, int length, int kinds, float[] distinct, float[] full, float[] pairs) {
  /**
   * Sorts the times of every row.
   *
   * @param times [batch · length], 0 noise, 1 clean
   */
  static Times of(float[] times, int batch) {
    int length = times.length / batch;
    float[][] rows = new float[batch][];
    int kinds = 1;
    for (int b = 0; b < batch; b++) {
      float[] sorted = Arrays.copyOfRange(times, b * length, (b + 1) * length);
      Arrays.sort(sorted);
      int n = 0;
      for (float t : sorted) {
        if (n == 0 || t != sorted[n - 1]) {
          sorted[n++] = t;
        }
      }
      rows[b] = Arrays.copyOf(sorted, n);
      kinds = Math.max(kinds, n);
    }
    int half = (length + 1) / 2;
    float[] distinct = new float[batch * kinds];
    float[] full = new float[batch * length * kinds];
    float[] pairs = new float[batch * half * kinds];
    for (int b = 0; b < batch; b++) {
      System.arraycopy(rows[b], 0, distinct, b * kinds, rows[b].length);
      for (int i = 0; i < length; i++) {
        float t = times[b * length + i];
        full[(b * length + i) * kinds + Arrays.binarySearch(rows[b], t)] = 1;
        if (i % 2 == 0) {
          float other = i + 1 < length ? times[b * length + i + 1] : t;
          int kind = Arrays.binarySearch(rows[b], Math.min(t, other));
          pairs[(b * half + i / 2) * kinds + kind] = 1;
        }
      }
    }
    return new Times(batch, length, kinds, distinct, full, pairs);
  }

  Tensor fullTensor() {
    return Tensor.create(full, batch, length, kinds);
  }

  Tensor pairsTensor() {
    return Tensor.create(pairs, batch, (length + 1) / 2, kinds);
  }

  /**
   * Sines and cosines of the distinct times.
   *
   * @param features an even number F
   * @return [batch · kinds, F]: cos, sin, cos, sin, …
   */
  Tensor features(int features) {
    float[] values = new float[distinct.length * features];
    for (int r = 0; r < distinct.length; r++) {
      for (int j = 0; j < features / 2; j++) {
        double angle = 1000 * distinct[r] * Math.pow(10_000, -j / (features / 2.0));
        values[r * features + 2 * j] = (float) Math.cos(angle);
        values[r * features + 2 * j + 1] = (float) Math.sin(angle);
      }
    }
    return Tensor.create(values, distinct.length, features);
  }
}
