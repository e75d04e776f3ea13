/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The fused head: tokens and numbers of the processor's sampler on the same logits. */
class CudaHeadTest {
  private static final int WIDTH = 48;
  private static final float[] SPREADS = {0.25f, 2, 16, 64};

  /** Hidden states that scale the logits differently, as bf16 has them. */
  private static float[] hidden(int rows) {
    float[] x = Fixture.gaussian(3, rows * WIDTH, DType.BF16);
    for (int i = 0; i < x.length; i++) {
      x[i] = x[i] * SPREADS[i / WIDTH % SPREADS.length] / 8;
    }
    return x;
  }

  /** Rows that occur twice, so that every logit of some columns has a twin further on. */
  private static float[] head(int vocabulary) {
    float[] w = Fixture.gaussian(5, vocabulary * WIDTH, DType.BF16);
    for (int j = 0; j + vocabulary / 2 < vocabulary; j += 3) {
      System.arraycopy(w, j * WIDTH, w, (j + vocabulary / 2) * WIDTH, WIDTH);
    }
    return w;
  }

  private static List<Sampling> samplings(int vocabulary) {
    List<Sampling> all = new ArrayList<>();
    for (Sampling.Distribution on : Sampling.Distribution.values()) {
      for (float temperature : new float[] {0, 0.2f, 1, 1.7f, Float.MIN_VALUE}) {
        all.add(new Sampling(temperature, 0, 1, on));
        all.add(new Sampling(temperature, 0, 1, on, 0, vocabulary - 1));
      }
    }
    all.add(new Sampling(0, 3, 0.5f, Sampling.Distribution.RAW, 0));
    // What the fused head leaves to the other path, between its own.
    all.add(new Sampling(1, 3, 1, Sampling.Distribution.RAW));
    all.add(new Sampling(0.5f, 0, 0.9f, Sampling.Distribution.FILTERED, 1));
    return all;
  }

  private static PredictionRows wanted(int entries, int rows, int vocabulary) {
    List<Sampling> samplings = samplings(vocabulary);
    PredictionRows wanted = new PredictionRows();
    for (int i = 0; i < entries; i++) {
      Sampling s = samplings.get(i % samplings.size());
      int present = i % 4 == 0 ? PredictionRows.NO_TOKEN : i * 7 % vocabulary;
      wanted.wantEntropy(i % 5 != 4);
      wanted.add(
          i % rows, i % 3 == 1 ? (i + 5) % rows : -1, 1.5f, s, 77 + i, i / 2, 3 * i, present);
    }
    return wanted;
  }

  private static void near(double expected, double found, String what) {
    assertEquals(expected, found, 1e-6 * Math.abs(expected) + 1e-12, what);
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 127, 128, 333})
  void predictionsAreThoseOfTheProcessor(int vocabulary) {
    int rows = 24;
    PredictionRows wanted = wanted(46, rows, vocabulary);
    try (CudaFixture f = new CudaFixture(ComputeType.BF16);
        CpuDevice cpu =
            CpuDevice.open(
                CpuOptions.DEFAULT
                    .withThreads(1)
                    .withComputeType(CpuOptions.ComputeType.F32)
                    .withGemm(CpuOptions.Gemm.PLAIN)
                    .withVector(CpuOptions.Vector.OFF))) {
      var view = Fixture.view(f.arena, "head", DType.F32, head(vocabulary), vocabulary, WIDTH);
      PackedLinear map = f.device.pack(view);
      Tensor hidden = f.tensor(DType.BF16, hidden(rows), WIDTH);
      // The processor samples the logits that the tensor cores give: rows of unit vectors pick
      // them.
      float[] logits = new float[rows * vocabulary];
      f.device.logits(hidden, rows, map, MemorySegment.ofArray(logits));
      float[] columns = new float[logits.length];
      float[] unit = new float[rows * rows];
      for (int r = 0; r < rows; r++) {
        unit[r * rows + r] = 1;
        for (int j = 0; j < vocabulary; j++) {
          columns[j * rows + r] = logits[r * vocabulary + j];
        }
      }
      Tensor here = cpu.allocate(DType.F32, rows, rows);
      MemorySegment.copy(MemorySegment.ofArray(unit), 0, here.memory(), 0, 4L * rows * rows);
      Predictions expected = new Predictions();
      cpu.predict(
          here,
          rows,
          cpu.pack(Fixture.view(f.arena, "h", DType.F32, columns, vocabulary, rows)),
          wanted,
          expected);

      double[][] first = null;
      for (int seed = 0; seed < CudaFixture.SEEDS; seed++) {
        Emulator.seed(seed);
        Predictions found = new Predictions();
        f.device.predict(hidden, rows, map, wanted, found);
        double[][] all = new double[wanted.size()][];
        for (int i = 0; i < all.length; i++) {
          all[i] = numbers(wanted, found, i, i);
        }
        first = first == null ? all : first;
        assertArrayEquals(first, all, "the schedule shows in the result");
      }
      for (int i = 0; i < wanted.size(); i++) {
        String what = i + ": " + wanted.sampling(i);
        double[] reference = numbers(wanted, expected, i, i);
        assertEquals(reference[0], first[i][0], what);
        for (int k = 1; k < reference.length; k++) {
          near(reference[k], first[i][k], what + " number " + k);
        }
      }
      if (vocabulary == 333) {
        everyEntryAloneHasTheSameBits(f, hidden, rows, map, wanted, first);
      }
    }
  }

  /** Token, confidence, margin, and what else was asked for. */
  private static double[] numbers(PredictionRows wanted, Predictions p, int entry, int at) {
    return new double[] {
      p.token(at),
      p.confidence(at),
      p.margin(at),
      wanted.entropy(entry) ? p.negativeEntropy(at) : 0,
      wanted.presentToken(entry) >= 0 ? p.presentProbability(at) : 0
    };
  }

  private static void everyEntryAloneHasTheSameBits(
      CudaFixture f,
      Tensor hidden,
      int rows,
      PackedLinear map,
      PredictionRows wanted,
      double[][] together) {
    for (int copies : new int[] {1, 2, 7, 33, 70}) {
      for (int i : new int[] {3, 10}) {
        PredictionRows some = new PredictionRows();
        int place = copies / 2;
        for (int k = 0; k < copies; k++) {
          int entry = k == place ? i : (i + 3 * k) % wanted.size();
          some.wantEntropy(wanted.entropy(entry));
          some.add(
              wanted.row(entry),
              wanted.unconditionalRow(entry),
              wanted.guidance(entry),
              wanted.sampling(entry),
              wanted.seed(entry),
              wanted.step(entry),
              wanted.position(entry),
              wanted.presentToken(entry));
        }
        Predictions found = new Predictions();
        f.device.predict(hidden, rows, map, some, found);
        assertArrayEquals(
            together[i], numbers(wanted, found, i, place), "entry " + i + " of " + copies);
      }
    }
  }

  /** Equal logits in one block and in two: the first of them. */
  @Test
  void tiesGoToTheLowestToken() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      for (int[] tied : new int[][] {{5, 6}, {5, 120}, {130, 200}, {5, 299}, {127, 128}}) {
        float[] w = new float[300 * 8];
        Arrays.fill(w, -1);
        for (int j : tied) {
          Arrays.fill(w, j * 8, j * 8 + 8, 2);
        }
        float[] x = new float[8];
        Arrays.fill(x, 1);
        PredictionRows wanted = new PredictionRows();
        wanted.add(0, Sampling.GREEDY, 1, 2, 3);
        Predictions found = new Predictions();
        f.device.predict(
            f.tensor(DType.BF16, x, 8),
            1,
            f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, 300, 8)),
            wanted,
            found);
        assertEquals(tied[0], found.token(0));
        assertEquals(0, found.margin(0));
        near(1 / (2 + 298 * Math.exp(-24)), found.confidence(0), "confidence");
      }
    }
  }

  @Test
  void brokenLogitsAreRefusedByPosition() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
        float[] w = new float[300 * 8];
        Arrays.fill(w, bad == Float.NEGATIVE_INFINITY ? bad : 1);
        Arrays.fill(w, 200 * 8, 201 * 8, bad);
        float[] x = new float[8];
        Arrays.fill(x, 1);
        PredictionRows wanted = new PredictionRows();
        wanted.add(0, Sampling.GREEDY, 1, 2, 11);
        Tensor hidden = f.tensor(DType.BF16, x, 8);
        PackedLinear map = f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, 300, 8));
        IllegalStateException e =
            assertThrows(
                IllegalStateException.class,
                () -> f.device.predict(hidden, 1, map, wanted, new Predictions()));
        assertTrue(e.getMessage().contains("position 11"), e.getMessage());
      }
    }
  }
}
