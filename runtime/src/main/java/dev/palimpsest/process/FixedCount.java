/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/** As many positions in every step, until the block's masks are chosen. */
record FixedCount(int tokens) implements Schedule {
  @Override
  public int quota(int masked, Moment moment) {
    return Math.min(tokens, moment.scheduled());
  }

  @Override
  public boolean choosesOnce() {
    return true;
  }
}
