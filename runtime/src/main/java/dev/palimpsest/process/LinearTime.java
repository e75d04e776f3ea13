/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * Dream's schedule: time runs from 1 to {@value #END} in equal steps, and a step from t to s
 * commits each mask with probability 1 − s/t.
 */
record LinearTime() implements Schedule {
  static final double END = 1e-3;

  /** Time before step {@code i} of {@code steps}: 1 for the first, {@link #END} after the last. */
  static double at(int i, int steps) {
    return i == steps ? END : 1 + i * (END - 1) / steps;
  }

  /** 1 − s/t of a step; 1 in the last one, which leaves nothing masked. */
  static double share(Moment moment) {
    int i = moment.index();
    return i == moment.steps() - 1 ? 1 : 1 - at(i + 1, moment.steps()) / at(i, moment.steps());
  }

  /** That share of them, rounded down. It may be none. */
  @Override
  public int quota(int masked, Moment moment) {
    return (int) (masked * share(moment));
  }

  @Override
  public boolean choosesOnce() {
    return false;
  }
}
