/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Which committed tokens go back to MASK: those to which the model, seeing them in place, now gives
 * less than the limit, the least sure first, within the budget. Equal probabilities: lowest
 * position first.
 */
final class Doubt {
  private final double below;
  private int budget;

  Doubt(MaskedOptions.Remask options) {
    below = options.below();
    budget = options.below() > 0 ? options.budget() : 0;
  }

  /** Whether anything may still be remasked. */
  boolean possible() {
    return budget > 0;
  }

  /** Marks the committed positions to remask and takes them off the budget. */
  void choose(Candidates committed, BitSet chosen) {
    int doubted = 0;
    for (int i = 0; i < committed.size(); i++) {
      double probability = committed.presentProbability(i);
      boolean doubt = probability < below;
      committed.score(i, doubt ? -probability : Double.NEGATIVE_INFINITY);
      doubted += doubt ? 1 : 0;
    }
    int n = Math.min(doubted, budget);
    Surest.choose(committed, n, chosen);
    budget -= n;
  }
}
