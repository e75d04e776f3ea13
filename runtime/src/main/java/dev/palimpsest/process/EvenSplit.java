/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * LLaDA's schedule: a block's masks split evenly over its steps, the first steps taking one more
 * where it does not come out even.
 */
final class EvenSplit {
  private EvenSplit() {}

  /** Masks to commit in a step when {@code masks} are to be spread over {@code stepsLeft} steps. */
  static int quota(int masks, int stepsLeft) {
    return Math.ceilDiv(masks, stepsLeft);
  }
}
