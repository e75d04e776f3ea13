/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Dream's {@code origin}: each mask on its own, with probability 1 − s/t (the absorbing process of
 * Austin et al., 2021).
 */
record Origin() implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    double share = LinearTime.share(moment);
    for (int i = 0; i < candidates.size(); i++) {
      double draw = PositionNoise.uniform(moment.seed(), moment.step(), candidates.position(i));
      if (draw < share) {
        chosen.set(i);
      }
    }
  }
}
