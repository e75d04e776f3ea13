/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.anySchedule;
import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.LatentReference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import java.util.EnumSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What conditions rows on time, against float64. */
class CudaConditioningTest {
  private static final int[][] SEQUENCES = {{1}, {3, 1, 2}, {9, 1, 4}};

  private static RowSpans spans(int... lengths) {
    RowSpans spans = new RowSpans();
    for (int length : lengths) {
      spans.add(length);
    }
    return spans;
  }

  /** Rows point to three rows of modulation in turn. */
  private static int[] rowOf(int rows) {
    int[] of = new int[rows];
    Arrays.setAll(of, i -> i % 3);
    return of;
  }

  private static double bound(DType type) {
    return type == DType.BF16 ? 4e-3 : 3e-6;
  }

  @ParameterizedTest
  @EnumSource
  void adaptiveNorms(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int width : new int[] {1, 33, 300}) {
        int rows = 5;
        float[] x = Fixture.gaussian(width, rows * width);
        int columns = 2 * width + 3;
        float[] m = Fixture.gaussian(7, 3 * columns);
        Modulation by = new Modulation(f.tensor(DType.F32, m, columns), rowOf(rows));
        Tensor in = f.tensor(DType.F32, x, width);
        double[] expected = new double[rows * width];
        for (int r = 0; r < rows; r++) {
          double[] row =
              LatentReference.adaNorm(
                  LatentReference.doubles(x),
                  r * width,
                  width,
                  1e-5f,
                  LatentReference.doubles(m),
                  r % 3 * columns + 2);
          System.arraycopy(row, 0, expected, r * width, width);
        }
        for (DType type : EnumSet.of(DType.F32, f.type)) {
          String what = type + " width " + width;
          float[] found =
              anySchedule(
                  what,
                  () -> {
                    Tensor out = f.empty(type, rows, width);
                    f.device.adaNorm(in, rows, 1e-5f, by, 2, out);
                    return f.read(out, rows);
                  });
          near(what, found, expected, bound(type));
          Tensor chosen = f.empty(type, 2, width);
          f.device.adaNormRows(in, new int[] {rows - 1, 0}, 2, 1e-5f, by, 2, chosen);
          float[] two = f.read(chosen, 2);
          assertArrayEquals(
              Arrays.copyOfRange(found, (rows - 1) * width, rows * width),
              Arrays.copyOf(two, width));
          assertArrayEquals(Arrays.copyOf(found, width), Arrays.copyOfRange(two, width, 2 * width));
        }
        // In place.
        f.device.adaNorm(in, rows, 1e-5f, by, 2, in);
        near("in place", f.read(in, rows), expected, bound(DType.F32));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void convolutionInputs(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int[] lengths : SEQUENCES) {
        for (int[] shape : new int[][] {{24, 8}, {51, 3}, {280, 10}}) {
          int width = shape[0];
          RowSpans spans = spans(lengths);
          int rows = spans.rows();
          float[] x = Fixture.gaussian(rows, rows * width);
          int columns = 2 * width + 5;
          float[] m = Fixture.gaussian(8, 3 * columns);
          Tensor in = f.tensor(DType.F32, x, width);
          Modulation by = new Modulation(f.tensor(DType.F32, m, columns), rowOf(rows));
          for (boolean conditioned : new boolean[] {false, true}) {
            double[][] y = new double[rows][];
            for (int r = 0; r < rows; r++) {
              y[r] =
                  LatentReference.activated(
                      LatentReference.doubles(x),
                      r * width,
                      width,
                      shape[1],
                      1e-5f,
                      conditioned ? LatentReference.doubles(m) : new double[0],
                      r % 3 * columns + 4);
            }
            String what =
                f.type + Arrays.toString(lengths) + Arrays.toString(shape) + " " + conditioned;
            float[] found =
                anySchedule(
                    what,
                    () -> {
                      Tensor out = f.empty(f.type, rows, 3 * width);
                      if (conditioned) {
                        f.device.convolutionInput(in, spans, shape[1], 1e-5f, by, 4, out);
                      } else {
                        f.device.convolutionInput(in, spans, shape[1], 1e-5f, out);
                      }
                      return f.read(out, rows);
                    });
            near(what, found, LatentReference.shifted(y, spans, width), bound(f.type));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void gatesTimesAndTables(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int width = 83;
      int rows = 7;
      float[] x = Fixture.gaussian(1, rows * width);
      float[] y = Fixture.gaussian(2, rows * width);
      float[] m = Fixture.gaussian(3, 3 * (width + 1));
      Tensor in = f.tensor(DType.F32, x, width);
      Modulation by = new Modulation(f.tensor(DType.F32, m, width + 1), rowOf(rows));
      f.device.gateAdd(in, rows, f.tensor(DType.F32, y, width), by, 1);
      float[] found = f.read(in, rows);
      for (int i = 0; i < found.length; i++) {
        float gate = m[i / width % 3 * (width + 1) + 1 + i % width];
        assertEquals(Math.fma(gate, y[i], x[i]), found[i]);
      }

      float[] times = {0, 0.125f, 0.7f, 1};
      Tensor features = f.empty(f.type, 4, 64);
      f.device.timeFeatures(times, 4, features);
      double[] expected = new double[4 * 64];
      for (int i = 0; i < expected.length; i++) {
        double angle = 1000 * Math.pow(10_000, -(i % 64 / 2) / 32.0) * times[i / 64];
        expected[i] = i % 2 == 0 ? Math.cos(angle) : Math.sin(angle);
      }
      near("times", f.read(features, 4), expected, bound(f.type));

      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        float[] t = Fixture.gaussian(2, 4 * width, DType.BF16);
        EmbeddingTable table = f.device.table(Fixture.view(f.arena, "state", type, t, 4, width));
        Tensor sums = f.tensor(DType.F32, x, width);
        int[] states = {0, 3, 3, 1, 2};
        f.device.embedAdd(table, states, 5, sums);
        float[] added = f.read(sums, rows);
        for (int i = 0; i < added.length; i++) {
          int row = i / width;
          assertEquals(row < 5 ? x[i] + t[states[row] * width + i % width] : x[i], added[i]);
        }
        assertThrows(
            IllegalArgumentException.class, () -> f.device.embedAdd(table, new int[] {4}, 1, sums));
      }
    }
  }

  /** A sequence's rows alone and among others. */
  @ParameterizedTest
  @EnumSource
  void aSequenceHasTheSameBitsInAnyBatch(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int width = 72;
      int length = 7;
      float[] probe = Fixture.gaussian(5, length * width);
      float[] m = Fixture.gaussian(6, 3 * 2 * width);
      float[] first = null;
      for (int[] others : new int[][] {{}, {1}, {13, 7}}) {
        RowSpans spans = spans(others);
        int at = spans.add(length);
        spans.add(9);
        float[] x = Fixture.gaussian(1, spans.rows() * width);
        System.arraycopy(probe, 0, x, at * width, probe.length);
        int[] rowOf = new int[spans.rows()];
        for (int i = 0; i < length; i++) {
          rowOf[at + i] = i % 3;
        }
        Modulation by = new Modulation(f.tensor(DType.F32, m, 2 * width), rowOf);
        Tensor out = f.empty(f.type, spans.rows(), 3 * width);
        f.device.convolutionInput(f.tensor(DType.F32, x, width), spans, 8, 1e-5f, by, 0, out);
        float[] found =
            Arrays.copyOfRange(
                f.read(out, spans.rows()), 3 * at * width, 3 * (at + length) * width);
        first = first == null ? found : first;
        assertArrayEquals(first, found, Arrays.toString(others));
      }
    }
  }
}
