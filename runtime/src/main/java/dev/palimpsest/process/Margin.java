/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * Dream's {@code topk_margin}: the positions with the widest gap between the two most probable
 * tokens.
 */
record Margin(ScheduledChoice choice) implements RankedRule {
  @Override
  public double score(Candidates candidates, int i, Moment moment) {
    return candidates.margin(i);
  }
}
