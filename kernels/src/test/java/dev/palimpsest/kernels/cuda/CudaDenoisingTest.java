/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.LatentNoise;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.LatentReference;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Codes, noise and the denoising step against float64. */
class CudaDenoisingTest {
  private static final SolverStep[] SOLVERS = {
    new SolverStep(0.7f, 0.4f, 0, 0),
    new SolverStep(0.7f, 0.5f, -0.2f, 0),
    new SolverStep(0.2f, 0.5f, -0.2f, 0.6f),
    new SolverStep(0, 1, 0, 0)
  };
  private static final float[] TEMPERATURES = {1, 0.5f, 0, 2};

  /** {groups, codes, width of a group} */
  private static final int[][] BOOKS = {{1, 5, 3}, {3, 17, 35}, {2, 130, 32}, {1, 9, 140}};

  private static float[] codes(int[] shape) {
    return Fixture.gaussian(1, shape[0] * shape[1] * shape[2]);
  }

  private static Codebook book(CudaFixture f, int[] shape, float[] codes) {
    return f.device.codebook(
        Fixture.view(f.arena, "codebook", DType.F32, codes, shape[0] * shape[1], shape[2]),
        shape[0]);
  }

  @Test
  void theNearestCodeIsFoundAndTheLowestOfEquals() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      for (int[] shape : BOOKS) {
        int groups = shape[0];
        int width = shape[2];
        float[] c = codes(shape);
        // The last code of a group is its second one again.
        for (int g = 0; g < groups; g++) {
          System.arraycopy(
              c, (g * shape[1] + 1) * width, c, ((g + 1) * shape[1] - 1) * width, width);
        }
        Codebook book = book(f, shape, c);
        int rows = 13;
        float[] x = Fixture.gaussian(2, rows * book.width());
        for (int g = 0; g < groups; g++) {
          System.arraycopy(c, (g * shape[1] + 1) * width, x, g * width, width);
        }
        int[] found = new int[rows * groups];
        f.device.nearestCodes(f.tensor(DType.F32, x, book.width()), rows, book, found);
        for (int i = 0; i < found.length; i++) {
          int best = 0;
          double largest = Double.NEGATIVE_INFINITY;
          for (int k = 0; k < shape[1]; k++) {
            double dot = 0;
            for (int j = 0; j < width; j++) {
              dot += (double) x[i * width + j] * c[(i % groups * shape[1] + k) * width + j];
            }
            if (dot > largest) {
              largest = dot;
              best = k;
            }
          }
          assertEquals(best, found[i], Arrays.toString(shape) + " entry " + i);
        }

        Tensor state = f.empty(DType.F32, rows + 2, 2 * book.width());
        int[] slots = new int[rows];
        for (int i = 0; i < rows; i++) {
          slots[i] = rows + 1 - i;
        }
        f.device.latents(book, found, slots, rows, state);
        float[] written = f.read(state, rows + 2);
        for (int i = 0; i < found.length; i++) {
          int from = (i % groups * shape[1] + found[i]) * width;
          int to = slots[i / groups] * 2 * book.width() + i % groups * width;
          for (int j = 0; j < width; j++) {
            assertEquals(c[from + j], written[to + j]);
            assertEquals(c[from + j], written[to + book.width() + j]);
          }
        }
        assertTrue(Float.isNaN(written[0]) && Float.isNaN(written[2 * book.width()]), "others");
      }
    }
  }

  @Test
  void theDenoisingStep() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      for (int[] shape : BOOKS) {
        Codebook book = book(f, shape, codes(shape));
        int rows = 2 * SOLVERS.length * TEMPERATURES.length;
        float[] logits = Fixture.gaussian(3, rows * book.logits());
        for (int i = 0; i < logits.length; i++) {
          logits[i] *= 3;
        }
        float[] state = Fixture.gaussian(4, (rows + 3) * 2 * book.width());
        DenoiseRows wanted = new DenoiseRows();
        for (int i = 0; i < rows; i++) {
          boolean guided = i % 3 == 0 && i > 0;
          wanted.add(
              i,
              guided ? i - 1 : -1,
              guided ? 0.75f : 0,
              TEMPERATURES[i / 2 % 4],
              i == 5 ? -1 : rows + 2 - i,
              SOLVERS[i / 8],
              77L + ((long) i << 33),
              i,
              100 - i);
        }
        Tensor l = f.tensor(DType.F32, logits, book.logits());
        Tensor s = f.tensor(DType.F32, state, 2 * book.width());
        Denoised out = new Denoised();
        f.device.denoise(l, book, wanted, s, out);
        check(Arrays.toString(shape), shape, logits, state, wanted, out, f.read(s, rows + 3));
      }
    }
  }

  private static void check(
      String what,
      int[] shape,
      float[] logits,
      float[] before,
      DenoiseRows wanted,
      Denoised out,
      float[] after) {
    int groups = shape[0];
    int codes = shape[1];
    int width = groups * shape[2];
    int n = groups * codes + 1;
    float[] book = codes(shape);
    double[] expected = LatentReference.doubles(before);
    for (int i = 0; i < wanted.size(); i++) {
      double[] l = LatentReference.doubles(Arrays.copyOfRange(logits, i * n, (i + 1) * n));
      assertEquals(1 / (1 + Math.exp(-l[n - 1])), out.quality(i), 1e-12);
      int u = wanted.unconditionalRow(i);
      for (int k = 0; k < n - 1 && u >= 0; k++) {
        double un = logits[u * n + k];
        l[k] = un + (wanted.guidance(i) + 1) * (l[k] - un);
      }
      double confidence = 1;
      double entropy = 0;
      double[] x = new double[width];
      for (int g = 0; g < groups; g++) {
        double[] p = LatentReference.softmax(l, g * codes, codes, 1);
        int best = 0;
        for (int k = 0; k < codes; k++) {
          best = p[k] > p[best] ? k : best;
          entropy -= p[k] * Math.log(p[k]);
        }
        assertEquals(best, out.code(i, g), what);
        confidence *= p[best];
        double[] t = LatentReference.softmax(l, g * codes, codes, wanted.temperature(i));
        for (int k = 0; k < codes; k++) {
          for (int j = 0; j < shape[2]; j++) {
            x[g * shape[2] + j] += t[k] * book[(g * codes + k) * shape[2] + j];
          }
        }
      }
      assertEquals(confidence, out.confidence(i), 1e-5, what);
      assertEquals(entropy, out.entropy(i), 1e-4, what);
      if (wanted.slot(i) < 0) {
        continue;
      }
      SolverStep step = wanted.solver(i);
      for (int j = 0; j < width; j++) {
        int z = wanted.slot(i) * 2 * width + j;
        double noise =
            LatentReference.noise(
                wanted.seed(i), wanted.step(i), wanted.position(i), LatentNoise.STEP, j);
        expected[z] =
            step.latent() * before[z]
                + step.estimate() * x[j]
                + step.previous() * before[z + width]
                + step.noise() * noise;
        expected[z + width] = x[j];
      }
    }
    double error = Reference.relativeError(after, expected);
    assertTrue(error < 2e-6, what + ": relative error " + error);
  }

  @Test
  void noiseAnew() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      int width = 13;
      float[] before = Fixture.gaussian(1, 5 * 2 * width);
      Arrays.fill(before, 2 * width, 4 * width, Float.NaN);
      Tensor state = f.tensor(DType.F32, before, 2 * width);
      RenoiseRows rows = new RenoiseRows();
      rows.add(1, 0, 1, 5, 0, 40);
      rows.add(4, 0.25f, 0.75f, 5, 3, 41);
      f.device.renoise(rows, state);
      float[] after = f.read(state, 5);
      for (int i = 0; i < before.length; i++) {
        int row = i / (2 * width);
        int j = i % (2 * width);
        boolean latent = j < width;
        float expected = before[i];
        if (row == 1) {
          expected = latent ? (float) LatentReference.noise(5, 0, 40, LatentNoise.START, j) : 0;
        } else if (row == 4) {
          float noise = (float) LatentReference.noise(5, 3, 41, LatentNoise.START, j);
          expected = latent ? 0.75f * noise + 0.25f * before[i + width] : 0;
        }
        assertEquals(expected, after[i], 1e-6f, "row " + row + " element " + j);
      }
    }
  }

  /** An entry's bits, alone and among others, in any schedule. */
  @Test
  void anEntryHasTheSameBitsInAnyBatchAndSchedule() {
    int[] shape = {2, 40, 20};
    float[] c = codes(shape);
    int n = 81;
    int wide = 80;
    float[] probe = Fixture.gaussian(5, n);
    float[] first = null;
    for (int seed = 0; seed < CudaFixture.SEEDS; seed++) {
      try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
        Emulator.seed(seed);
        Codebook book = book(f, shape, c);
        for (int others : new int[] {0, 1, 30}) {
          float[] logits = Fixture.gaussian(6, (others + 1) * n);
          System.arraycopy(probe, 0, logits, others * n, n);
          float[] state = Fixture.gaussian(7, (others + 1) * wide);
          System.arraycopy(Fixture.gaussian(8, wide), 0, state, others * wide, wide);
          Tensor s = f.tensor(DType.F32, state, wide);
          DenoiseRows wanted = new DenoiseRows();
          for (int i = 0; i <= others; i++) {
            boolean mine = i == others;
            wanted.add(i, -1, 0, mine ? 0.8f : 1, i, SOLVERS[mine ? 2 : 0], 3, 4, mine ? 5 : i);
          }
          f.device.denoise(f.tensor(DType.F32, logits, n), book, wanted, s, new Denoised());
          float[] found =
              Arrays.copyOfRange(f.read(s, others + 1), others * wide, (others + 1) * wide);
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
    int[] shape = {2, 4, 3};
    int many = 5000;
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      Codebook book = book(f, shape, codes(shape));
      Tensor logits = f.tensor(DType.F32, Fixture.gaussian(1, 9), 9);
      Tensor state = f.tensor(DType.F32, Fixture.gaussian(2, 12), 12);
      DenoiseRows wanted = new DenoiseRows();
      wanted.add(0, -1, 0, 1, -1, SOLVERS[0], 0, 0, 0);
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
      int[] shape = {2, 4, 3};
      Codebook book = book(f, shape, codes(shape));
      Tensor logits = f.tensor(DType.F32, Fixture.gaussian(1, 9), 9);
      Tensor state = f.device.allocate(DType.F32, 2, 12);
      DenoiseRows wanted = new DenoiseRows();
      wanted.add(0, -1, 0, 1, 2, SOLVERS[0], 0, 0, 0);
      assertTrue(
          assertThrows(
                  IllegalArgumentException.class,
                  () -> f.device.denoise(logits, book, wanted, state, new Denoised()))
              .getMessage()
              .contains("slot 2 is outside the 2"));
      assertThrows(
          IllegalArgumentException.class,
          () -> other.device.nearestCodes(state, 1, book, new int[2]));
      wanted.clear();
      wanted.add(0, -1, 0, 1, 0, SOLVERS[0], 0, 0, 7);
      Tensor broken = f.tensor(DType.F32, new float[] {0, 1, Float.NaN, 0, 0, 0, 0, 0, 0}, 9);
      assertTrue(
          assertThrows(
                  IllegalStateException.class,
                  () -> f.device.denoise(broken, book, wanted, state, new Denoised()))
              .getMessage()
              .contains("position 7"));
      assertArrayEquals(new float[24], f.read(state, 2), "nothing has changed");
      assertThrows(
          IllegalArgumentException.class,
          () -> f.device.codebook(Fixture.view(f.arena, "c", DType.F32, new float[9], 3, 3), 2));
    }
  }
}
