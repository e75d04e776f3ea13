/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Hierarchical decoding (dInfer, arXiv:2510.08666; its {@code HierarchyDecoder}): the surest
 * position of every run of adjacent masks, if it is at least {@code low} sure, and every position
 * that is at least {@code threshold} sure. What is committed together lies apart, and cuts long
 * runs into ever shorter ones.
 *
 * <p>A run is made of adjacent masked positions of the block; a position where MASK is predicted
 * belongs to it but cannot be its surest. Equal probabilities: lowest position.
 *
 * @param threshold probability from which a position is committed wherever it lies
 * @param low probability from which the surest of a run is committed
 */
record Hierarchical(double threshold, double low) implements AdaptiveRule {
  @Override
  public double score(Candidates candidates, int i) {
    return candidates.confidence(i);
  }

  @Override
  public void accept(Candidates candidates, Ranking ranking, BitSet chosen) {
    AdaptiveRule.acceptFrom(threshold, candidates, chosen);
    int best = -1;
    for (int i = 0; i < candidates.size(); i++) {
      if (i > 0 && candidates.position(i) != candidates.position(i - 1) + 1) {
        acceptBest(best, candidates, chosen);
        best = -1;
      }
      if (!candidates.predictsMask(i)
          && (best < 0 || candidates.score(i) > candidates.score(best))) {
        best = i;
      }
    }
    acceptBest(best, candidates, chosen);
  }

  private void acceptBest(int best, Candidates candidates, BitSet chosen) {
    if (best >= 0 && candidates.score(best) >= low) {
      chosen.set(best);
    }
  }
}
