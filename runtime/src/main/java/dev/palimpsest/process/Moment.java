/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * Where a step stands in its block's schedule.
 *
 * @param index steps of the block taken before this one
 * @param steps steps of the block in all
 * @param scheduled masks of the block that its remaining steps are still to choose
 * @param seed of the request's noise
 * @param step steps of the request taken before this one; keys the noise
 */
record Moment(int index, int steps, int scheduled, long seed, int step) {
  /** Steps of the block left, this one included. */
  int stepsLeft() {
    return steps - index;
  }
}
