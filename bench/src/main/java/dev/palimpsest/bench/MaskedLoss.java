/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntConsumer;

/**
 * What a model makes of masked tokens in one forward: the negative logarithm of the true token's
 * probability, over levels of noise. The same seed masks the same tokens.
 */
final class MaskedLoss {
  /** Shares of tokens that are masked. */
  static final List<Double> LEVELS = List.of(0.1, 0.3, 0.5, 0.7, 0.9);

  /** Of each level's rows, how many keep their logits, to be compared. */
  private static final int KEPT = 2;

  private record Row(int level, int[] truth, int[] noisy, int[] masked, boolean kept) {}

  /**
   * One level's rows, summed row by row.
   *
   * @param nats negative log-probabilities of the true tokens
   * @param right how many of them had the largest
   * @param tokens how many were masked
   */
  record Level(double noise, double[] nats, double[] right, double[] tokens) {}

  /**
   * What one configuration gave.
   *
   * @param logits of the masked positions of a few rows of each level, one after another
   */
  record Result(List<Level> levels, List<float[]> logits) {
    /** {@code ‖logits − others‖ / ‖others‖}. */
    double logitsError(Result other) {
      double squares = 0;
      double reference = 0;
      for (int i = 0; i < logits.size(); i++) {
        float[] a = logits.get(i);
        float[] b = other.logits.get(i);
        for (int j = 0; j < a.length; j++) {
          squares += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
          reference += (double) b[j] * b[j];
        }
      }
      return Math.sqrt(squares / reference);
    }
  }

  private final List<Row> rows = new ArrayList<>();

  /**
   * @param perLevel rows of each level
   * @param mask the model's MASK
   */
  MaskedLoss(HoleSampler sampler, int perLevel, int mask, long seed) {
    for (int level = 0; level < LEVELS.size(); level++) {
      Random random = new Random(seed * LEVELS.size() + level);
      for (int[] truth : sampler.rows(perLevel, random.nextLong())) {
        int[] noisy = truth.clone();
        int[] masked = new int[truth.length];
        int n = 0;
        // The first token is never masked: where logits are shifted nothing stands before it.
        for (int i = 1; i < truth.length; i++) {
          if (random.nextDouble() < LEVELS.get(level)) {
            noisy[i] = mask;
            masked[n++] = i;
          }
        }
        rows.add(
            new Row(level, truth, noisy, Arrays.copyOf(masked, n), rows.size() % perLevel < KEPT));
      }
    }
  }

  /** Forwards that {@link #measure} takes. */
  int forwards() {
    return rows.size();
  }

  /** Runs all rows, one forward each; {@code progress} learns how many are done. */
  Result measure(Engine engine, IntConsumer progress) {
    int vocabulary = engine.config().vocabulary();
    int perLevel = rows.size() / LEVELS.size();
    List<Level> levels =
        LEVELS.stream()
            .map(
                noise ->
                    new Level(
                        noise, new double[perLevel], new double[perLevel], new double[perLevel]))
            .toList();
    List<float[]> kept = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment out = arena.allocate(4L * rows.getFirst().truth.length * vocabulary, 64);
      float[] logits = new float[vocabulary];
      for (int r = 0; r < rows.size(); r++) {
        Row row = rows.get(r);
        Level level = levels.get(row.level);
        int at = r % perLevel;
        engine.logits(row.noisy, out);
        for (int position : row.masked) {
          int from = engine.config().shiftedLogits() ? position - 1 : position;
          MemorySegment.copy(
              out, ValueLayout.JAVA_FLOAT, 4L * from * vocabulary, logits, 0, vocabulary);
          if (row.kept) {
            kept.add(logits.clone());
          }
          level.nats[at] += nats(logits, row.truth[position]);
          level.right[at] += best(logits) == row.truth[position] ? 1 : 0;
          level.tokens[at]++;
        }
        progress.accept(r + 1);
      }
    }
    return new Result(levels, kept);
  }

  private static double nats(float[] logits, int token) {
    double largest = logits[best(logits)];
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - largest);
    }
    return Math.log(sum) + largest - logits[token];
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }
}
