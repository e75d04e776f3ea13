/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.List;

/**
 * What decides one round of progressive distillation.
 *
 * @param base how batches are drawn
 * @param grid the times of the teacher's calls, ascending from 0; the student makes every second
 * @param temperature of the teacher's predictions; less makes a student that is surer by itself
 * @param rate peak learning rate
 * @param averageDecay decay of the weight average
 */
record DistillSettings(
    LatentSettings base, List<Double> grid, double temperature, double rate, double averageDecay) {
  DistillSettings {
    if (grid.size() < 2 || grid.size() % 2 != 0) {
      throw new IllegalArgumentException(
          "a teacher makes an even number of calls, of which the student makes half; found "
              + grid.size());
    }
  }
}
