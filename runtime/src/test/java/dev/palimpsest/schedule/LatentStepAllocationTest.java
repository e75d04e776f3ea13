/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.cache.LatentPool;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.network.LatentBatch;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.Revision;
import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.LatentDiffusion;
import dev.palimpsest.process.latent.LatentModel;
import dev.palimpsest.process.latent.LatentOptions;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.process.latent.TimeGrid;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A latent step that changes no token leaves its revision behind, and nothing for the positions it
 * encodes, denoises, decodes, looks at or doubts. Compiled or not, since nothing is created for
 * them that a compiler could do away with.
 */
class LatentStepAllocationTest {
  private static final int MASK = 1;
  private static final int END = 2;

  /** Too large for the boxes that the JDK keeps. */
  private static final int TOKEN = 1000;

  private static final int POSITIONS = 4096;
  private static final int GIVEN = 512;
  private static final int GROUPS = 2;
  private static final int STEPS = 4;
  private static final int REFINE_STEPS = 2;

  /** An eighth of a byte a position. */
  private static final long MOST_BYTES = POSITIONS / 8;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @ParameterizedTest
  @CsvSource({"0, false, false", "1, false, false", "0, true, false", "1, true, true"})
  void aStepAllocatesNothingForEveryPosition(float guidance, boolean previews, boolean stopAtEnd) {
    try (CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1));
        LatentPool pool = new LatentPool(device, 4, POSITIONS * 8L * 4)) {
      StepBatch step = new StepBatch();
      // The first request makes room in the batch that the second one finds.
      run(pool, step, guidance, previews, stopAtEnd);
      long[] bytes = run(pool, step, guidance, previews, stopAtEnd);
      // All but the one that writes: the decoder's, or the first preview.
      assertEquals(STEPS + REFINE_STEPS, bytes.length);
      assertTrue(
          Arrays.stream(bytes).allMatch(b -> b < MOST_BYTES),
          () -> "bytes of the steps: " + Arrays.toString(bytes));
    }
  }

  /** Bytes of each step that changed no token. */
  private long[] run(
      LatentPool pool, StepBatch step, float guidance, boolean previews, boolean stopAtEnd) {
    LatentDiffusion process = process(guidance, previews, stopAtEnd);
    Steps steps = Steps.latent(process, pool, Sampling.GREEDY);
    assertTrue(steps.reserve());
    steps.prepare();
    long[] bytes = new long[64];
    int count = 0;
    Predictions predictions = new Predictions();
    while (!process.finished()) {
      long before = threads.getCurrentThreadAllocatedBytes();
      step.clear();
      steps.countRows();
      steps.addTo(step);
      long added = threads.getCurrentThreadAllocatedBytes() - before;
      answer(step.latent());
      before = threads.getCurrentThreadAllocatedBytes();
      Optional<Revision> revision = steps.advance(step, predictions);
      long advanced = threads.getCurrentThreadAllocatedBytes() - before;
      if (revision.orElseThrow().changes().isEmpty()) {
        bytes[count++] = added + advanced;
      }
    }
    steps.release();
    return Arrays.copyOf(bytes, count);
  }

  /** Every second position is of low quality; the text is always the same. */
  private static void answer(LatentBatch batch) {
    Denoised denoised = batch.denoised();
    denoised.resize(batch.wanted().size(), GROUPS);
    for (int i = 0; i < denoised.size(); i++) {
      denoised.set(i, 0.5, 1, i % 2 == 0 ? 0.1 : 0.9);
    }
    Predictions predictions = batch.predictions();
    predictions.resize(batch.wantedTokens().size());
    for (int i = 0; i < predictions.size(); i++) {
      predictions.set(i, TOKEN, 0.5, 0, 0);
    }
  }

  private static LatentDiffusion process(float guidance, boolean previews, boolean stopAtEnd) {
    int[] tokens = new int[POSITIONS];
    Arrays.fill(tokens, MASK);
    Arrays.fill(tokens, 0, GIVEN, 5);
    BitSet fixed = new BitSet();
    fixed.set(0, GIVEN);
    LatentModel model =
        new LatentModel(
            NoisePath.LINEAR, GROUPS, POSITIONS, LatentDefaults.USUAL, MASK, List.of(END));
    LatentOptions options =
        new LatentOptions(
            STEPS,
            TimeGrid.UNIFORM,
            Solver.DPM_SOLVER_2M,
            1,
            guidance,
            0.5f,
            REFINE_STEPS,
            0.5,
            0.5,
            0,
            previews,
            stopAtEnd,
            3);
    return new LatentDiffusion(tokens, fixed, options, model);
  }
}
