/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Every position where the most probable token leads the second by so much: a threshold on the
 * margin by which Dream's {@code topk_margin} ranks.
 *
 * @param threshold margin from which a position is committed
 */
record MarginThreshold(double threshold) implements AdaptiveRule {
  @Override
  public double score(Candidates candidates, int i) {
    return candidates.margin(i);
  }

  @Override
  public void accept(Candidates candidates, Ranking ranking, BitSet chosen) {
    AdaptiveRule.acceptFrom(threshold, candidates, chosen);
  }
}
