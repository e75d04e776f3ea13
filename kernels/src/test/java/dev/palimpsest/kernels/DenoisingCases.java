/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.LatentReference;
import dev.palimpsest.kernels.cpu.Reference;
import java.util.Arrays;

/** Codes, noise and the denoising step of any device, against float64. */
public final class DenoisingCases {
  private static final SolverStep[] SOLVERS = {
    new SolverStep(0.7f, 0.4f, 0, 0),
    new SolverStep(0.7f, 0.5f, -0.2f, 0),
    new SolverStep(0.2f, 0.5f, -0.2f, 0.6f),
    new SolverStep(0, 1, 0, 0)
  };
  private static final float[] TEMPERATURES = {1, 0.5f, 0, 2};

  private DenoisingCases() {}

  private static float[] codes(int[] shape) {
    return Fixture.gaussian(1, shape[0] * shape[1] * shape[2]);
  }

  /** A codebook of {groups, codes, width of a group}. */
  public static Codebook book(TestBed bed, int... shape) {
    return book(bed, shape, codes(shape));
  }

  private static Codebook book(TestBed bed, int[] shape, float[] codes) {
    return bed.device()
        .codebook(
            Fixture.view(bed.arena(), "codebook", DType.F32, codes, shape[0] * shape[1], shape[2]),
            shape[0]);
  }

  /** The nearest code is found, the lowest of equals, and the latents are those codes. */
  public static void nearestCodes(TestBed bed, int... shape) {
    String what = Arrays.toString(shape);
    int groups = shape[0];
    int width = shape[2];
    float[] c = codes(shape);
    // The last code of a group is its second one again.
    for (int g = 0; g < groups; g++) {
      System.arraycopy(c, (g * shape[1] + 1) * width, c, ((g + 1) * shape[1] - 1) * width, width);
    }
    Codebook book = book(bed, shape, c);
    int rows = 13;
    float[] x = Fixture.gaussian(2, rows * book.width());
    for (int g = 0; g < groups; g++) {
      System.arraycopy(c, (g * shape[1] + 1) * width, x, g * width, width);
    }
    int[] found = new int[rows * groups];
    bed.device().nearestCodes(bed.tensor(DType.F32, x, book.width()), rows, book, found);
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
      assertEquals(best, found[i], what + " entry " + i);
    }

    Tensor state = bed.empty(DType.F32, rows + 2, 2 * book.width());
    int[] slots = new int[rows];
    for (int i = 0; i < rows; i++) {
      slots[i] = rows + 1 - i;
    }
    bed.device().latents(book, found, slots, rows, state);
    float[] written = bed.read(state, rows + 2);
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

  /** All solvers at all temperatures, guided and not. */
  public static void denoisingStep(TestBed bed, int... shape) {
    Codebook book = book(bed, shape);
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
    Tensor s = bed.tensor(DType.F32, state, 2 * book.width());
    Denoised out = new Denoised();
    bed.device().denoise(bed.tensor(DType.F32, logits, book.logits()), book, wanted, s, out);
    check(Arrays.toString(shape), shape, logits, state, wanted, out, bed.read(s, rows + 3));
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

  /** New noise, where an estimate is kept and where none is read. */
  public static void noiseAnew(TestBed bed) {
    int width = 13;
    float[] before = Fixture.gaussian(1, 5 * 2 * width);
    Arrays.fill(before, 2 * width, 4 * width, Float.NaN);
    Tensor state = bed.tensor(DType.F32, before, 2 * width);
    RenoiseRows rows = new RenoiseRows();
    rows.add(1, 0, 1, 5, 0, 40);
    rows.add(4, 0.25f, 0.75f, 5, 3, 41);
    bed.device().renoise(rows, state);
    float[] after = bed.read(state, 5);
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

  /** The slot of an entry after a step that it takes behind {@code others}. */
  public static float[] among(TestBed bed, int others) {
    int n = 81;
    int wide = 80;
    Codebook book = book(bed, 2, 40, 20);
    float[] logits = Fixture.gaussian(6, (others + 1) * n);
    System.arraycopy(Fixture.gaussian(5, n), 0, logits, others * n, n);
    float[] state = Fixture.gaussian(7, (others + 1) * wide);
    System.arraycopy(Fixture.gaussian(8, wide), 0, state, others * wide, wide);
    Tensor s = bed.tensor(DType.F32, state, wide);
    DenoiseRows wanted = new DenoiseRows();
    for (int i = 0; i <= others; i++) {
      boolean mine = i == others;
      wanted.add(i, -1, 0, mine ? 0.8f : 1, i, SOLVERS[mine ? 2 : 0], 3, 4, mine ? 5 : i);
    }
    bed.device().denoise(bed.tensor(DType.F32, logits, n), book, wanted, s, new Denoised());
    return Arrays.copyOfRange(bed.read(s, others + 1), others * wide, (others + 1) * wide);
  }

  /** Arguments that do not fit, and logits that are broken; {@code other} is another device. */
  public static void refusals(TestBed bed, TestBed other) {
    Device device = bed.device();
    Codebook book = book(bed, 2, 4, 3);
    Tensor logits = bed.tensor(DType.F32, Fixture.gaussian(1, 9), 9);
    Tensor state = device.allocate(DType.F32, 2, 12);
    DenoiseRows wanted = new DenoiseRows();
    wanted.add(0, -1, 0, 1, 2, SOLVERS[0], 0, 0, 0);
    assertTrue(
        assertThrows(
                IllegalArgumentException.class,
                () -> device.denoise(logits, book, wanted, state, new Denoised()))
            .getMessage()
            .contains("slot 2 is outside the 2"));
    Tensor foreign = other.device().allocate(DType.F32, 1, 6);
    assertTrue(
        assertThrows(
                IllegalArgumentException.class,
                () -> other.device().nearestCodes(foreign, 1, book, new int[2]))
            .getMessage()
            .contains("the codebook was made by another device"));
    wanted.clear();
    wanted.add(0, -1, 0, 1, 0, SOLVERS[0], 0, 0, 7);
    Tensor broken = bed.tensor(DType.F32, new float[] {0, 1, Float.NaN, 0, 0, 0, 0, 0, 0}, 9);
    assertTrue(
        assertThrows(
                IllegalStateException.class,
                () -> device.denoise(broken, book, wanted, state, new Denoised()))
            .getMessage()
            .contains("position 7"));
    assertArrayEquals(new float[24], bed.read(state, 2), "nothing has changed");
    assertThrows(
        IllegalArgumentException.class,
        () -> device.codebook(Fixture.view(bed.arena(), "c", DType.F32, new float[9], 3, 3), 2));
  }
}
