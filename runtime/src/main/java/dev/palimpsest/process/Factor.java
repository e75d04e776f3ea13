/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Fast-dLLM's factor (Wu et al., 2025): positions from the surest down, as long as the n-th is at
 * least 1 − f/(n + 1) sure: the more are committed together, the surer each has to be.
 */
record Factor(double factor) implements AdaptiveRule {
  @Override
  public double score(Candidates candidates, int i) {
    return candidates.confidence(i);
  }

  @Override
  public void accept(Candidates candidates, Ranking ranking, BitSet chosen) {
    for (int n = 1;
        !ranking.isEmpty() && candidates.score(ranking.best()) >= 1 - factor / (n + 1);
        n++) {
      chosen.set(ranking.pop());
    }
  }
}
