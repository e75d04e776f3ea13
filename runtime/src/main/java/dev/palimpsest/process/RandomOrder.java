/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/** LLaDA's random remasking: positions in random order, an even share of the block each step. */
record RandomOrder(ScheduledChoice choice) implements RankedRule {
  @Override
  public double score(Candidates candidates, int i, Moment moment) {
    return PositionNoise.uniform(moment.seed(), moment.step(), candidates.position(i));
  }
}
