/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * LLaDA's schedule: a block's masks split evenly over its steps, the first steps taking one more
 * where it does not come out even.
 */
record EvenSplit() implements Schedule {
  @Override
  public int quota(int masked, Moment moment) {
    return Math.ceilDiv(moment.scheduled(), moment.stepsLeft());
  }

  @Override
  public boolean choosesOnce() {
    return true;
  }
}
