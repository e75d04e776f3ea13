/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * The choice among scored candidates when the number of steps is given: as many as the schedule
 * says, either the highest scores or, with an algorithm temperature, a draw without replacement ∝
 * softmax(score / temperature), as Dream's. The draw perturbs each score with Gumbel noise and
 * takes the highest (Kool, van Hoof and Welling, 2019).
 *
 * @param temperature 0 for the highest scores
 */
record ScheduledChoice(Schedule schedule, double temperature) {
  /** Chooses by the scores that {@code candidates} hold; changes them if it draws. */
  void choose(Candidates candidates, Moment moment, BitSet chosen) {
    if (temperature > 0) {
      for (int i = 0; i < candidates.size(); i++) {
        double noise = PositionNoise.gumbel(moment.seed(), moment.step(), candidates.position(i));
        candidates.score(i, candidates.score(i) / temperature + noise);
      }
    }
    Surest.choose(candidates, schedule.quota(candidates.size(), moment), chosen);
  }
}
