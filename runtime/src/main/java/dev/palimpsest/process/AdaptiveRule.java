/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * A rule that decides by itself how many positions a step commits, and so takes as many steps as it
 * needs. Whatever it accepts, a step commits the surest ⌈masks / steps left⌉ at least: one, or more
 * where a budget of steps would otherwise be exceeded. Positions where the model predicts MASK are
 * passed over, so a step that chooses nothing cannot be helped by another.
 */
sealed interface AdaptiveRule extends CommitRule
    permits Threshold, Factor, EntropyBounded, MarginThreshold, Hierarchical {

  /** How sure candidate {@code i} is. */
  double score(Candidates candidates, int i);

  /**
   * Marks what is sure enough by itself.
   *
   * @param candidates scored
   * @param ranking those not predicted as MASK, surest first; may be used up as far as it is chosen
   * @param chosen empty; gets the indices of the candidates chosen
   */
  void accept(Candidates candidates, Ranking ranking, BitSet chosen);

  @Override
  default void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(i, score(candidates, i));
    }
    Ranking ranking = candidates.ranking();
    accept(candidates, ranking, chosen);
    int missing = Math.ceilDiv(candidates.size(), moment.stepsLeft()) - chosen.cardinality();
    while (missing > 0 && !ranking.isEmpty()) {
      int best = ranking.pop();
      if (!chosen.get(best)) {
        chosen.set(best);
        missing--;
      }
    }
  }

  /** Chooses all that are not predicted as MASK and whose score is at least {@code bound}. */
  static void acceptFrom(double bound, Candidates candidates, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      if (candidates.score(i) >= bound && !candidates.predictsMask(i)) {
        chosen.set(i);
      }
    }
  }
}
