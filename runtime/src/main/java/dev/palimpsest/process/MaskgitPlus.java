/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Dream's {@code maskgit_plus}: the positions with the highest probability of the predicted token
 * (MaskGIT; Chang et al., 2022).
 */
record MaskgitPlus(TimedChoice choice) implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(i, candidates.confidence(i));
    }
    choice.choose(candidates, moment, chosen);
  }
}
