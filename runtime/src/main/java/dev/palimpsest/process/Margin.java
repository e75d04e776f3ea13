/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Dream's {@code topk_margin}: the positions with the widest gap between the two most probable
 * tokens.
 */
record Margin(TimedChoice choice) implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(i, candidates.margin(i));
    }
    choice.choose(candidates, moment, chosen);
  }
}
