/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/** A rule for a given number of steps: scores every candidate, and a schedule says how many. */
sealed interface RankedRule extends CommitRule
    permits LowConfidence, RandomOrder, MaskgitPlus, Margin, Entropy {

  /** How many, and whether the highest scores or a draw. */
  ScheduledChoice choice();

  /** What candidate {@code i} is ranked by. */
  double score(Candidates candidates, int i, Moment moment);

  @Override
  default void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(i, score(candidates, i, moment));
    }
    choice().choose(candidates, moment, chosen);
  }
}
