/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;
import java.util.List;

/**
 * Which committed tokens go back to MASK: those to which the model, seeing them in place, now gives
 * less than the limit, the least sure first, within the budget. Equal probabilities: lowest
 * position first.
 */
final class Doubt implements Corrector {
  private final double below;
  private final BitSet chosen = new BitSet();
  private int budget;

  Doubt(Correction.Remask options) {
    below = options.below();
    budget = options.below() > 0 ? options.budget() : 0;
  }

  @Override
  public void enterBlock() {}

  /** There is budget, and a step after this one to write again. */
  @Override
  public boolean possible(int stepsLeft) {
    return budget > 0 && stepsLeft > 1;
  }

  @Override
  public int correct(Candidates visible, Canvas canvas, List<Change> changes) {
    int doubted = 0;
    for (int i = 0; i < visible.size(); i++) {
      double probability = visible.presentProbability(i);
      boolean doubt = probability < below;
      visible.score(i, doubt ? -probability : Double.NEGATIVE_INFINITY);
      doubted += doubt ? 1 : 0;
    }
    int n = Math.min(doubted, budget);
    chosen.clear();
    Surest.choose(visible, n, chosen);
    for (int i = chosen.nextSetBit(0); i >= 0; i = chosen.nextSetBit(i + 1)) {
      int position = visible.position(i);
      changes.add(
          new Change.Remask(position, canvas.token(position), visible.presentProbability(i)));
    }
    budget -= n;
    return n;
  }

  @Override
  public void sawNoMasks() {}
}
