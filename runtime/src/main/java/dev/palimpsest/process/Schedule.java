/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/** How many positions a step commits when the number of steps is given. */
sealed interface Schedule permits EvenSplit, LinearTime, FixedCount {
  /**
   * Positions that a step is to choose.
   *
   * @param masked positions it may choose from
   */
  int quota(int masked, Moment moment);

  /**
   * Whether a block is done as soon as every mask it began with has been chosen once. Otherwise it
   * is done when nothing is masked.
   */
  boolean choosesOnce();
}
