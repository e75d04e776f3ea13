/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Fast-dLLM's parallel decoding (Wu et al., 2025): every position at least this sure.
 *
 * @param threshold probability of the predicted token from which a position is committed
 */
record Threshold(double threshold) implements AdaptiveRule {
  @Override
  public double score(Candidates candidates, int i) {
    return candidates.confidence(i);
  }

  @Override
  public void accept(Candidates candidates, Ranking ranking, BitSet chosen) {
    AdaptiveRule.acceptFrom(threshold, candidates, chosen);
  }
}
