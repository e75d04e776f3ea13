/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Conditioning, convolutions and resolutions against float64, with and without the Vector API. */
class ConditioningTest {
  private static final int[][] SEQUENCES = {{1}, {2}, {3, 1, 2}, {37, 1, 8}};

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  private static RowSpans spans(int... lengths) {
    RowSpans spans = new RowSpans();
    for (int length : lengths) {
      spans.add(length);
    }
    return spans;
  }

  private static RowSpans halves(int... lengths) {
    return spans(Arrays.stream(lengths).map(n -> (n + 1) / 2).toArray());
  }

  /** Rows point to three rows of modulation in turn. */
  private static int[] rowOf(int rows) {
    int[] of = new int[rows];
    for (int i = 0; i < rows; i++) {
      of[i] = i % 3;
    }
    return of;
  }

  private static void check(String what, Tensor out, int rows, double[] expected) {
    double error = Reference.relativeError(Fixture.read(out, rows), expected);
    double tolerance = out.dtype() == DType.BF16 ? 4e-3 : 3e-6;
    assertTrue(error <= tolerance, what + ": relative error " + error + " > " + tolerance);
    assertTrue(Fixture.guarded(out, rows), what + ": wrote behind its rows");
  }

  @ParameterizedTest
  @MethodSource("devices")
  void adaptiveNorms(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options)) {
      for (int width : new int[] {1, 15, 16, 33, 192}) {
        for (int rows : new int[] {1, 5, 61}) {
          float[] x = Fixture.gaussian(rows, rows * width);
          int columns = 2 * width + 3;
          float[] m = Fixture.gaussian(7, 3 * columns);
          Modulation by =
              new Modulation(Fixture.tensor(device, DType.F32, m, columns, 1), rowOf(rows));
          Tensor in = Fixture.tensor(device, DType.F32, x, width, 1);
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
          for (DType type : List.of(DType.F32, device.computeType())) {
            Tensor out = Fixture.empty(device, type, rows, width, 2);
            device.adaNorm(in, rows, 1e-5f, by, 2, out);
            check(options + " width " + width, out, rows, expected);
            int[] index = {rows - 1, 0};
            Tensor chosen = Fixture.empty(device, type, 2, width, 1);
            device.adaNormRows(in, index, 2, 1e-5f, by, 2, chosen);
            float[] all = Fixture.read(out, rows);
            float[] two = Fixture.read(chosen, 2);
            for (int i = 0; i < 2 * width; i++) {
              assertEquals(all[index[i / width] * width + i % width], two[i]);
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void convolutionInputs(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options)) {
      for (int[] lengths : SEQUENCES) {
        for (int[] shape : new int[][] {{1, 1}, {24, 8}, {51, 3}, {192, 8}}) {
          int width = shape[0];
          RowSpans spans = spans(lengths);
          int rows = spans.rows();
          float[] x = Fixture.gaussian(rows, rows * width);
          int columns = 2 * width + 5;
          float[] m = Fixture.gaussian(8, 3 * columns);
          Tensor in = Fixture.tensor(device, DType.F32, x, width, 1);
          Modulation by =
              new Modulation(Fixture.tensor(device, DType.F32, m, columns, 0), rowOf(rows));
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
            Tensor out = Fixture.empty(device, device.computeType(), rows, 3 * width, 1);
            if (conditioned) {
              device.convolutionInput(in, spans, shape[1], 1e-5f, by, 4, out);
            } else {
              device.convolutionInput(in, spans, shape[1], 1e-5f, out);
            }
            if (width > 1 || conditioned) {
              check(
                  options + Arrays.toString(lengths) + Arrays.toString(shape),
                  out,
                  rows,
                  LatentReference.shifted(y, spans, width));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void gates(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options)) {
      int width = 83;
      int rows = 7;
      float[] x = Fixture.gaussian(1, rows * width);
      float[] y = Fixture.gaussian(2, rows * width);
      float[] m = Fixture.gaussian(3, 3 * (width + 1));
      Tensor in = Fixture.tensor(device, DType.F32, x, width, 1);
      Modulation by =
          new Modulation(Fixture.tensor(device, DType.F32, m, width + 1, 0), rowOf(rows));
      device.gateAdd(in, rows, Fixture.tensor(device, DType.F32, y, width, 0), by, 1);
      float[] found = Fixture.read(in, rows);
      for (int i = 0; i < found.length; i++) {
        float gate = m[i / width % 3 * (width + 1) + 1 + i % width];
        assertEquals(Math.fma(gate, y[i], x[i]), found[i]);
      }
      assertTrue(Fixture.guarded(in, rows));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void halfResolutionAndBack(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      for (int[] lengths : SEQUENCES) {
        for (int width : new int[] {1, 17, 192}) {
          RowSpans spans = spans(lengths);
          RowSpans half = halves(lengths);
          float[] x = Fixture.gaussian(1, spans.rows() * width);
          float[] t = Fixture.gaussian(2, 4 * width);
          float[] g = Fixture.gaussian(3, width);
          double[] down = new double[half.rows() * width];
          for (int s = 0; s < half.sequences(); s++) {
            for (int j = 0; j < half.length(s); j++) {
              for (int k = 0; k < 4; k++) {
                int from = 2 * j - 1 + k;
                for (int i = 0; i < width && from >= 0 && from < spans.length(s); i++) {
                  down[(half.start(s) + j) * width + i] +=
                      (double) t[k * width + i] * x[(spans.start(s) + from) * width + i];
                }
              }
            }
          }
          Tensor in = Fixture.tensor(device, DType.F32, x, width, 1);
          Tensor out = Fixture.empty(device, device.computeType(), half.rows(), width, 1);
          Tensor taps = device.vector(Fixture.view(arena, "t", DType.F32, t, 4, width));
          device.downsample(in, spans, taps, half, out);
          check(options + " down " + Arrays.toString(lengths), out, half.rows(), down);

          float[] h = Fixture.gaussian(4, half.rows() * width);
          Tensor gate = device.vector(Fixture.view(arena, "g", DType.F32, g, width));
          device.upsampleAdd(Fixture.tensor(device, DType.F32, h, width, 0), half, gate, spans, in);
          float[] up = Fixture.read(in, spans.rows());
          for (int s = 0; s < spans.sequences(); s++) {
            for (int n = 0; n < spans.length(s) * width; n++) {
              int to = spans.start(s) * width + n;
              int from = (half.start(s) + n / width / 2) * width + n % width;
              assertEquals(Math.fma(g[n % width], h[from], x[to]), up[to]);
            }
          }
        }
      }
      assertThrows(
          IllegalArgumentException.class,
          () ->
              device.downsample(
                  device.allocate(DType.F32, 8, 4),
                  spans(8),
                  device.allocate(DType.F32, 1, 16),
                  spans(5),
                  device.allocate(device.computeType(), 8, 4)));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void rowsGatheredAndAdded(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      int width = 37;
      float[] x = Fixture.gaussian(1, 9 * width, device.computeType());
      Tensor in = Fixture.tensor(device, DType.F32, x, width, 1);
      int[] index = {8, -1, 0, 3, 3};
      for (DType type : List.of(DType.F32, device.computeType())) {
        Tensor out = Fixture.empty(device, type, 5, width, 1);
        device.gather(in, index, 5, out);
        float[] found = Fixture.read(out, 5);
        for (int i = 0; i < found.length; i++) {
          int row = index[i / width];
          assertEquals(row < 0 ? 0f : x[row * width + i % width], found[i]);
        }
        assertTrue(Fixture.guarded(out, 5));
      }
      float[] t = Fixture.gaussian(2, 4 * width);
      EmbeddingTable table = device.table(Fixture.view(arena, "state", DType.F32, t, 4, width));
      int[] states = {0, 3, 3, 1, 2};
      device.embedAdd(table, states, 5, in);
      float[] found = Fixture.read(in, 5);
      for (int i = 0; i < found.length; i++) {
        assertEquals(x[i] + t[states[i / width] * width + i % width], found[i]);
      }
      assertThrows(
          IllegalArgumentException.class, () -> device.embedAdd(table, new int[] {4}, 1, in));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void timeFeatures(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options)) {
      float[] times = {0, 0.125f, 0.7f, 1};
      Tensor out = Fixture.empty(device, device.computeType(), 4, 64, 1);
      device.timeFeatures(times, 4, out);
      double[] expected = new double[4 * 64];
      for (int i = 0; i < expected.length; i++) {
        double omega = Math.pow(10_000, -(i % 64 / 2) / 32.0);
        double angle = omega * 1000 * times[i / 64];
        expected[i] = i % 2 == 0 ? Math.cos(angle) : Math.sin(angle);
      }
      check(options.toString(), out, 4, expected);
    }
  }

  /** A sequence's rows alone and among others, with one thread and with more. */
  @ParameterizedTest
  @MethodSource("devices")
  void aSequenceHasTheSameBitsInAnyBatchAndTeam(CpuOptions options) {
    int width = 72;
    int length = 75;
    float[] probe = Fixture.gaussian(5, length * width);
    float[] m = Fixture.gaussian(6, 3 * 2 * width);
    float[] first = null;
    for (int threads : new int[] {1, 3}) {
      try (CpuDevice device = CpuDevice.open(options.withThreads(threads))) {
        for (int[] others : new int[][] {{}, {1}, {130, 77}}) {
          RowSpans spans = spans(others);
          int at = spans.add(length);
          spans.add(9);
          float[] x = Fixture.gaussian(1, spans.rows() * width);
          System.arraycopy(probe, 0, x, at * width, probe.length);
          int[] rowOf = new int[spans.rows()];
          for (int i = 0; i < length; i++) {
            rowOf[at + i] = i % 3;
          }
          Modulation by = new Modulation(Fixture.tensor(device, DType.F32, m, 2 * width, 0), rowOf);
          Tensor in = Fixture.tensor(device, DType.F32, x, width, 0);
          Tensor convolved =
              Fixture.empty(device, device.computeType(), spans.rows(), 3 * width, 0);
          device.convolutionInput(in, spans, 8, 1e-5f, by, 0, convolved);
          device.adaNorm(in, spans.rows(), 1e-5f, by, 0, in);
          float[] found = new float[4 * length * width];
          float[] c = Fixture.read(convolved, spans.rows());
          float[] n = Fixture.read(in, spans.rows());
          System.arraycopy(c, 3 * at * width, found, 0, 3 * length * width);
          System.arraycopy(n, at * width, found, 3 * length * width, length * width);
          first = first == null ? found : first;
          assertArrayEquals(first, found, options + Arrays.toString(others));
        }
      }
    }
  }

  /** The interpreter and the compiler must add up in the same order. */
  @Test
  void compiledLoopsGiveTheBitsOfInterpretedOnes() {
    int n = 203;
    float[] x = Fixture.gaussian(1, n);
    float[] m = Fixture.gaussian(2, 2 * n);
    try (Arena arena = Arena.ofConfined()) {
      var in = arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_FLOAT, x);
      var by = arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_FLOAT, m);
      var out = arena.allocate(4 * n, 64);
      for (LatentKernels kernels :
          new LatentKernels[] {new PlainLatentKernels(), new VectorLatentKernels()}) {
        float[] first = null;
        for (int call = 0; call < 20_000; call++) {
          float[] y = new float[2 * n];
          kernels.normalise(in, 0, n, 1e-5f, y, 0);
          kernels.film(y, n, by, 0, 4 * n);
          kernels.adaNorm(in, 0, n, 1e-5f, by, 0, 4 * n, out, 0, DType.F32);
          java.lang.foreign.MemorySegment.copy(
              out, java.lang.foreign.ValueLayout.JAVA_FLOAT, 0, y, n, n);
          first = first == null ? y : first;
          assertTrue(Arrays.equals(first, y), kernels.getClass() + ", call " + call);
        }
      }
    }
  }
}
