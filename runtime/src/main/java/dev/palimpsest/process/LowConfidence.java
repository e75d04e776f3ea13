/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * LLaDA's low-confidence remasking (Nie et al., 2025): the positions with the highest probability
 * of their predicted token, an even share of the block each step.
 */
record LowConfidence() implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    for (int i = 0; i < candidates.size(); i++) {
      candidates.score(i, candidates.confidence(i));
    }
    Surest.choose(candidates, EvenSplit.quota(moment.scheduled(), moment.stepsLeft()), chosen);
  }
}
