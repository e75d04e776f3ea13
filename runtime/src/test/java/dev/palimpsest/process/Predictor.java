/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.Predictions;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;

/** Stands in for the network: predicts a position from the whole row of tokens. */
interface Predictor {
  /**
   * One position's prediction.
   *
   * @param present what the model gives the token that stands there
   */
  record Guess(
      int token, double confidence, double margin, double negativeEntropy, double present) {}

  Guess guess(int[] row, int position, int step);

  /** What a run left behind. */
  record Run(List<Revision> revisions, List<int[]> rows) {
    int[] last() {
      return rows.getLast();
    }
  }

  /** Runs a process to its end, with its predictions somewhere inside a larger batch. */
  default Run run(MaskedDiffusion process) {
    List<Revision> revisions = new ArrayList<>(List.of(process.start()));
    List<int[]> rows = new ArrayList<>(List.of(process.canvas().tokens()));
    Predictions predictions = new Predictions();
    while (!process.finished()) {
      revisions.add(step(process, predictions, process.step() % 3));
      rows.add(process.canvas().tokens());
      if (revisions.size() > 100_000) {
        throw new AssertionError("does not end");
      }
    }
    return new Run(revisions, rows);
  }

  default Revision step(MaskedDiffusion process, Predictions predictions, int offset) {
    int[] wanted = process.wanted().toArray();
    int[] row = process.canvas().tokens();
    predictions.resize(offset + wanted.length + 1);
    for (int i = 0; i < predictions.size(); i++) {
      predictions.set(i, -7, 2, 2, 2);
      predictions.setPresentProbability(i, Double.NaN);
    }
    for (int i = 0; i < wanted.length; i++) {
      Guess g = guess(row, wanted[i], process.step());
      predictions.set(offset + i, g.token, g.confidence, g.margin, g.negativeEntropy);
      if (!process.canvas().masked(wanted[i])) {
        predictions.setPresentProbability(offset + i, g.present);
      }
    }
    return process.advance(predictions, offset);
  }

  /** This model, but where {@code which} says so it predicts MASK. */
  default Predictor predictingMask(int mask, IntPredicate which) {
    return (row, position, step) -> {
      Guess g = guess(row, position, step);
      return which.test(g.token)
          ? new Guess(mask, g.confidence, g.margin, g.negativeEntropy, g.present)
          : g;
    };
  }

  /** A model that depends on everything it sees, with ties now and then. */
  static Predictor hashing(long seed, int vocabulary) {
    return (row, position, step) -> {
      long h = seed;
      for (int token : row) {
        h = (h ^ token) * 0x9E3779B97F4A7C15L;
        h ^= h >>> 29;
      }
      SplittableRandom random = new SplittableRandom(h * 31 + position);
      return new Guess(
          random.nextInt(vocabulary),
          random.nextInt(64) / 64.0,
          random.nextInt(64) / 64.0,
          -random.nextInt(64) / 16.0,
          random.nextDouble());
    };
  }
}
