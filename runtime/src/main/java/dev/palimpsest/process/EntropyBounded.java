/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Entropy-bounded unmasking (Ben-Hamu et al., 2025), as JetEngine decodes SDAR with it: positions
 * from the lowest entropy up, as long as the sum of their entropies stays within the bound. The sum
 * bounds what committing them together can lose against one by one.
 *
 * @param bound in nats
 */
record EntropyBounded(double bound) implements AdaptiveRule {
  @Override
  public double score(Candidates candidates, int i) {
    return candidates.negativeEntropy(i);
  }

  @Override
  public void accept(Candidates candidates, Ranking ranking, BitSet chosen) {
    double sum = 0;
    while (!ranking.isEmpty()) {
      sum -= candidates.score(ranking.best());
      if (!(sum <= bound)) {
        return;
      }
      chosen.set(ranking.pop());
    }
  }
}
