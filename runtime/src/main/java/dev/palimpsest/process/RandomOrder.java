/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/** LLaDA's random remasking: positions in random order, an even share of the block each step. */
record RandomOrder() implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(
          i, PositionNoise.uniform(moment.seed(), moment.step(), candidates.position(i)));
    }
    Surest.choose(candidates, EvenSplit.quota(moment.scheduled(), moment.stepsLeft()), chosen);
  }
}
