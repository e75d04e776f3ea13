/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.DenoisingCases;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import org.junit.jupiter.api.Test;

/** Codes, noise and the denoising step against float64. */
class CudaDenoisingTest {
  /** {groups, codes, width of a group} */
  private static final int[][] BOOKS = {{1, 5, 3}, {3, 17, 35}, {2, 130, 32}, {1, 9, 140}};

  @Test
  void theNearestCodeIsFoundAndTheLowestOfEquals() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      for (int[] shape : BOOKS) {
        DenoisingCases.nearestCodes(f, shape);
      }
    }
  }

  @Test
  void theDenoisingStep() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      for (int[] shape : BOOKS) {
        DenoisingCases.denoisingStep(f, shape);
      }
    }
  }

  @Test
  void noiseAnew() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      DenoisingCases.noiseAnew(f);
    }
  }

  /** An entry's bits, alone and among others, in any schedule. */
  @Test
  void anEntryHasTheSameBitsInAnyBatchAndSchedule() {
    float[] first = null;
    for (int seed = 0; seed < CudaFixture.SEEDS; seed++) {
      try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
        Emulator.seed(seed);
        for (int others : new int[] {0, 1, 30}) {
          float[] found = DenoisingCases.among(f, others);
          first = first == null ? found : first;
          assertArrayEquals(first, found, "among " + others);
        }
      }
    }
  }

  /** What a step computes with is there again when one that took more has failed. */
  @Test
  void aStepThatFindsNoMemoryLeavesTheDeviceFitForASmallerOne() {
    Emulator.only();
    int many = 5000;
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      Codebook book = DenoisingCases.book(f, 2, 4, 3);
      Tensor logits = f.tensor(DType.F32, Fixture.gaussian(1, 9), 9);
      Tensor state = f.tensor(DType.F32, Fixture.gaussian(2, 12), 12);
      DenoiseRows wanted = new DenoiseRows();
      wanted.add(0, -1, 0, 1, -1, new SolverStep(0, 1, 0, 0), 0, 0, 0);
      Denoised before = new Denoised();
      f.device.denoise(logits, book, wanted, state, before);
      int[] codes = new int[2 * many];
      Tensor rows = f.device.allocate(DType.F32, many, 6);
      Emulator.memory(Emulator.memoryUsed());
      assertThrows(
          IllegalStateException.class, () -> f.device.nearestCodes(rows, many, book, codes));
      Denoised after = new Denoised();
      f.device.denoise(logits, book, wanted, state, after);
      assertEquals(before.code(0, 0), after.code(0, 0));
      assertEquals(before.code(0, 1), after.code(0, 1));
      assertEquals(before.confidence(0), after.confidence(0));
    }
    Emulator.reset();
    assertEquals(0, Emulator.memoryUsed());
  }

  @Test
  void whatDoesNotFitIsRefused() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32);
        CudaFixture other = new CudaFixture(ComputeType.F32)) {
      DenoisingCases.refusals(f, other);
    }
  }
}
