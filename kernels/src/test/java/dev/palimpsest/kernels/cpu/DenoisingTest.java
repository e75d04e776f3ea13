/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

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
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Codes, noise and the denoising step against float64, with and without the Vector API. */
class DenoisingTest {
  private static final SolverStep[] SOLVERS = {
    new SolverStep(0.7f, 0.4f, 0, 0),
    new SolverStep(0.7f, 0.5f, -0.2f, 0),
    new SolverStep(0.2f, 0.5f, -0.2f, 0.6f),
    new SolverStep(0, 1, 0, 0)
  };
  private static final float[] TEMPERATURES = {1, 0.5f, 0, 2};

  /** {groups, codes, width of a group} */
  private static final int[][] BOOKS = {{1, 5, 3}, {2, 33, 16}, {3, 17, 35}, {2, 512, 32}};

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  private static float[] codes(int[] shape) {
    return Fixture.gaussian(1, shape[0] * shape[1] * shape[2]);
  }

  private static Codebook book(CpuDevice device, Arena arena, int[] shape, float[] codes) {
    return device.codebook(
        Fixture.view(arena, "codebook", DType.F32, codes, shape[0] * shape[1], shape[2]), shape[0]);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void theNearestCodeIsFoundAndTheLowestOfEquals(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      for (int[] shape : BOOKS) {
        int groups = shape[0];
        int width = shape[2];
        float[] c = codes(shape);
        // The last code of a group is its second one again.
        for (int g = 0; g < groups; g++) {
          System.arraycopy(
              c, (g * shape[1] + 1) * width, c, ((g + 1) * shape[1] - 1) * width, width);
        }
        Codebook book = book(device, arena, shape, c);
        int rows = 13;
        float[] x = Fixture.gaussian(2, rows * book.width());
        for (int g = 0; g < groups; g++) {
          System.arraycopy(c, (g * shape[1] + 1) * width, x, g * width, width);
        }
        int[] found = new int[rows * groups];
        device.nearestCodes(
            Fixture.tensor(device, DType.F32, x, book.width(), 1), rows, book, found);
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
          assertEquals(best, found[i], options + Arrays.toString(shape) + " entry " + i);
        }

        Tensor state = Fixture.empty(device, DType.F32, rows + 2, 2 * book.width(), 0);
        int[] slots = new int[rows];
        for (int i = 0; i < rows; i++) {
          slots[i] = rows + 1 - i;
        }
        device.latents(book, found, slots, rows, state);
        float[] written = Fixture.read(state, rows + 2);
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

  @ParameterizedTest
  @MethodSource("devices")
  void theDenoisingStep(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      for (int[] shape : BOOKS) {
        Codebook book = book(device, arena, shape, codes(shape));
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
        Tensor l = Fixture.tensor(device, DType.F32, logits, book.logits(), 1);
        Tensor s = Fixture.tensor(device, DType.F32, state, 2 * book.width(), 0);
        Denoised out = new Denoised();
        device.denoise(l, book, wanted, s, out);
        check(options + Arrays.toString(shape), shape, logits, state, wanted, out, s);
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
      Tensor after) {
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
    double error =
        Reference.relativeError(Fixture.read(after, before.length / 2 / width), expected);
    assertTrue(error < 2e-6, what + ": relative error " + error);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void noiseAnew(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options)) {
      int width = 13;
      float[] before = Fixture.gaussian(1, 5 * 2 * width);
      Arrays.fill(before, 2 * width, 4 * width, Float.NaN);
      Tensor state = Fixture.tensor(device, DType.F32, before, 2 * width, 0);
      RenoiseRows rows = new RenoiseRows();
      rows.add(1, 0, 1, 5, 0, 40);
      rows.add(4, 0.25f, 0.75f, 5, 3, 41);
      device.renoise(rows, state);
      float[] after = Fixture.read(state, 5);
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

  @Test
  void theNoiseIsGaussian() {
    Gaussian gaussian = new Gaussian();
    float[] out = new float[64];
    double[] moments = new double[5];
    int n = 0;
    for (int position = 0; position < 2000; position++) {
      gaussian.fill(9, 1, position, LatentNoise.START, 64, out);
      for (float v : out) {
        for (int m = 1; m <= 4; m++) {
          moments[m] += Math.pow(v, m);
        }
        n++;
      }
    }
    assertEquals(0, moments[1] / n, 0.01);
    assertEquals(1, moments[2] / n, 0.02);
    assertEquals(0, moments[3] / n, 0.04);
    assertEquals(3, moments[4] / n, 0.1);
  }

  /** An entry's bits, alone and among others, with one thread and with more. */
  @ParameterizedTest
  @MethodSource("devices")
  void anEntryHasTheSameBitsInAnyBatchAndTeam(CpuOptions options) {
    int[] shape = {2, 40, 20};
    float[] c = codes(shape);
    int n = 81;
    int wide = 80;
    float[] probe = Fixture.gaussian(5, n);
    float[] first = null;
    for (int threads : new int[] {1, 3}) {
      try (CpuDevice device = CpuDevice.open(options.withThreads(threads));
          Arena arena = Arena.ofShared()) {
        Codebook book = book(device, arena, shape, c);
        for (int others : new int[] {0, 1, 30}) {
          float[] logits = Fixture.gaussian(6, (others + 1) * n);
          System.arraycopy(probe, 0, logits, others * n, n);
          float[] state = Fixture.gaussian(7, (others + 1) * wide);
          System.arraycopy(Fixture.gaussian(8, wide), 0, state, others * wide, wide);
          Tensor s = Fixture.tensor(device, DType.F32, state, wide, 0);
          DenoiseRows wanted = new DenoiseRows();
          for (int i = 0; i <= others; i++) {
            boolean mine = i == others;
            wanted.add(i, -1, 0, mine ? 0.8f : 1, i, SOLVERS[mine ? 2 : 0], 3, 4, mine ? 5 : i);
          }
          device.denoise(
              Fixture.tensor(device, DType.F32, logits, n, 0), book, wanted, s, new Denoised());
          float[] found =
              Arrays.copyOfRange(Fixture.read(s, others + 1), others * wide, (others + 1) * wide);
          first = first == null ? found : first;
          assertArrayEquals(first, found, options + " among " + others);
        }
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    try (CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT);
        CpuDevice other = CpuDevice.open(CpuOptions.DEFAULT);
        Arena arena = Arena.ofShared()) {
      int[] shape = {2, 4, 3};
      Codebook book = book(device, arena, shape, codes(shape));
      Tensor logits = Fixture.tensor(device, DType.F32, Fixture.gaussian(1, 9), 9, 0);
      Tensor state = device.allocate(DType.F32, 2, 12);
      DenoiseRows wanted = new DenoiseRows();
      wanted.add(0, -1, 0, 1, 2, SOLVERS[0], 0, 0, 0);
      assertTrue(
          assertThrows(
                  IllegalArgumentException.class,
                  () -> device.denoise(logits, book, wanted, state, new Denoised()))
              .getMessage()
              .contains("slot 2 is outside the 2"));
      assertThrows(
          IllegalArgumentException.class, () -> other.nearestCodes(state, 1, book, new int[2]));
      wanted.clear();
      wanted.add(0, -1, 0, 1, 0, SOLVERS[0], 0, 0, 7);
      Tensor broken =
          Fixture.tensor(device, DType.F32, new float[] {0, 1, Float.NaN, 0, 0, 0, 0, 0, 0}, 9, 0);
      assertTrue(
          assertThrows(
                  IllegalStateException.class,
                  () -> device.denoise(broken, book, wanted, state, new Denoised()))
              .getMessage()
              .contains("position 7"));
      assertArrayEquals(new float[24], Fixture.read(state, 2), "nothing has changed");
      assertThrows(
          IllegalArgumentException.class,
          () -> device.codebook(Fixture.view(arena, "c", DType.F32, new float[9], 3, 3), 2));
    }
  }
}
