/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * LLaDA's low-confidence remasking (Nie et al., 2025): the positions with the highest probability
 * of their predicted token, an even share of the block each step.
 */
record LowConfidence(ScheduledChoice choice) implements RankedRule {
  @Override
  public double score(Candidates candidates, int i, Moment moment) {
    return candidates.confidence(i);
  }
}
