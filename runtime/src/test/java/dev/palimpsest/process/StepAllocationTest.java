/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

/** A step leaves its revision behind, and nothing for each masked or visible position. */
class StepAllocationTest {
  private static final int MASK = 99;
  private static final int POSITIONS = 4096;

  /** Less than one byte a position; a revision of a few changes takes some hundred. */
  private static final long MOST_BYTES = 3 * POSITIONS / 4;

  @Test
  void aStepAllocatesNothingForEveryPosition() {
    int[] row = new int[POSITIONS];
    Arrays.fill(row, 0, POSITIONS / 2, MASK);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (Algorithm algorithm : Algorithm.values()) {
      for (Correction correction :
          new Correction[] {
            Correction.NONE, new Correction.Remask(1e-9, 5), new Correction.Edit(1)
          }) {
        // Many steps of few tokens, in one block.
        Pace pace = algorithm.countsSteps() ? new Pace.Steps(2000) : Pace.AsNeeded.UNLIMITED;
        MaskedOptions options =
            MaskedOptions.greedy(algorithm, pace)
                .withAlgorithmTemperature(algorithm.drawsPositions() ? 0.5 : 0)
                .withCorrection(correction);
        MaskedDiffusion process = MaskedDiffusion.of(row, new BitSet(), options, MASK);
        Predictions predictions = new Predictions();
        long least = Long.MAX_VALUE;
        for (int step = 0; step < 6; step++) {
          predict(process.wanted().size(), predictions);
          long before = threads.getCurrentThreadAllocatedBytes();
          process.advance(predictions, 0);
          process.wanted();
          // The first steps make room that the later ones use.
          least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertTrue(
            least < MOST_BYTES, algorithm + " " + correction + ": " + least + " bytes a step");
      }
    }
  }

  private static void predict(int n, Predictions predictions) {
    predictions.resize(n);
    for (int i = 0; i < n; i++) {
      predictions.set(i, 5, 0.1 + (i * 7919 % 1000) * 1e-6, 0.01, -3);
      predictions.setPresentProbability(i, 0.5);
    }
  }
}
