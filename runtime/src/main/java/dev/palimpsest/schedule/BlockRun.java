/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.StepBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A tick in which the device takes the steps of many blocks alone: where it can, and all requests
 * of the tick are in a block that it can write. The host looks at them again when all are over, or
 * after {@link #MOST_STEPS}.
 */
final class BlockRun {
  /**
   * Steps between two looks of the host, which lets in who has come and lets go who has left. Not
   * weighed by a measurement: part {@code loop} of {@code bench/gpu} measures blocks of so many
   * steps.
   */
  static final int MOST_STEPS = 32;

  private final Stepper network;
  private final List<BlockSteps> blocks = new ArrayList<>();

  BlockRun(Stepper network) {
    this.network = network;
  }

  /** Whether the device can write the blocks that these requests are in. */
  boolean takes(List<ScheduledRequest> requests) {
    blocks.clear();
    Optional<BlockLoop> loop = network.loop();
    if (loop.isEmpty()) {
      return false;
    }
    for (ScheduledRequest request : requests) {
      Optional<BlockSteps> block = request.block();
      if (block.isEmpty() || block.get().masks() > loop.get().mostEntries()) {
        return false;
      }
      blocks.add(block.get());
    }
    return true;
  }

  /** The block of request {@code i} of those last asked about. */
  BlockSteps block(int i) {
    return blocks.get(i);
  }

  /**
   * Runs the blocks of the requests last asked about.
   *
   * @return what has run them
   */
  BlockLoop run(StepBatch batch) {
    BlockLoop loop = network.loop().orElseThrow();
    for (BlockSteps block : blocks) {
      block.addTo(batch);
    }
    pad(batch, loop);
    network.repeat(batch, MOST_STEPS);
    return loop;
  }

  /** Rows of a sequence of their own, and entries that nobody reads. */
  private static void pad(StepBatch batch, BlockLoop loop) {
    int rows = loop.paddedRows(batch.rows()) - batch.rows();
    if (rows > 0) {
      int first = batch.addSequence(rows);
      for (int i = first; i < first + rows; i++) {
        batch.tokens()[i] = 0;
      }
    }
    PredictionRows wanted = batch.wanted();
    wanted.wantEntropy(false);
    for (int i = wanted.size(); i < loop.paddedEntries(wanted.size()); i++) {
      wanted.add(0, Sampling.GREEDY, 0, 0, 0);
    }
  }
}
