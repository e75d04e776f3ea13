/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/** Dream's {@code entropy}: the positions with the lowest entropy of the predicted distribution. */
record Entropy(TimedChoice choice) implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(i, candidates.negativeEntropy(i));
    }
    choice.choose(candidates, moment, chosen);
  }
}
