/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/** Dream's {@code entropy}: the positions with the lowest entropy of the predicted distribution. */
record Entropy(ScheduledChoice choice) implements RankedRule {
  @Override
  public double score(Candidates candidates, int i, Moment moment) {
    return candidates.negativeEntropy(i);
  }
}
