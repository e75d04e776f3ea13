/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;

/** The network as the scheduler sees it: predicts what a batch wants. */
@FunctionalInterface
public interface Stepper {
  void forward(StepBatch batch, Predictions out);
}
