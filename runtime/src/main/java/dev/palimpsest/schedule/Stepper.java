/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import java.util.Optional;

/** The network as the scheduler sees it: predicts what a batch wants. */
@FunctionalInterface
public interface Stepper {
  void forward(StepBatch batch, Predictions out);

  /** What takes the steps of a whole block on the device, where there is such a thing. */
  default Optional<BlockLoop> loop() {
    return Optional.empty();
  }

  /**
   * Takes steps with the {@link #loop} until all blocks of the batch are over, or {@code most} of
   * them.
   *
   * @throws IllegalStateException if there is no loop
   */
  default void repeat(StepBatch batch, int most) {
    throw new IllegalStateException("this network has no loop");
  }
}
