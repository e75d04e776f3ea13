/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * Dream's {@code maskgit_plus}: the positions with the highest probability of the predicted token
 * (MaskGIT; Chang et al., 2022).
 */
record MaskgitPlus(ScheduledChoice choice) implements RankedRule {
  @Override
  public double score(Candidates candidates, int i, Moment moment) {
    return candidates.confidence(i);
  }
}
