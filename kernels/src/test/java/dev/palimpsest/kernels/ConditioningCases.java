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
import java.util.EnumSet;

/** Conditioning, convolutions and resolutions of any device, against float64. */
public final class ConditioningCases {
  private ConditioningCases() {}

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

  private static EnumSet<DType> types(TestBed bed) {
    return EnumSet.of(DType.F32, bed.device().computeType());
  }

  private static void near(String what, DType type, float[] found, double[] expected) {
    double error = Reference.relativeError(found, expected);
    double tolerance = type == DType.BF16 ? 4e-3 : 3e-6;
    assertTrue(error <= tolerance, what + ": relative error " + error + " > " + tolerance);
  }

  /** Adaptive norms of all rows, of chosen ones, and in place. */
  public static void adaptiveNorms(TestBed bed, int rows, int width) {
    float[] x = Fixture.gaussian(width, rows * width);
    int columns = 2 * width + 3;
    float[] m = Fixture.gaussian(7, 3 * columns);
    Modulation by = new Modulation(bed.tensor(DType.F32, m, columns), rowOf(rows));
    Tensor in = bed.tensor(DType.F32, x, width);
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
    for (DType type : types(bed)) {
      String what = type + " " + rows + " x " + width;
      float[] found =
          bed.found(
              what,
              () -> {
                Tensor out = bed.empty(type, rows, width);
                bed.device().adaNorm(in, rows, 1e-5f, by, 2, out);
                return bed.read(out, rows);
              });
      near(what, type, found, expected);
      Tensor chosen = bed.empty(type, 2, width);
      bed.device().adaNormRows(in, new int[] {rows - 1, 0}, 2, 1e-5f, by, 2, chosen);
      float[] two = bed.read(chosen, 2);
      assertArrayEquals(
          Arrays.copyOfRange(found, (rows - 1) * width, rows * width), Arrays.copyOf(two, width));
      assertArrayEquals(Arrays.copyOf(found, width), Arrays.copyOfRange(two, width, 2 * width));
    }
    bed.device().adaNorm(in, rows, 1e-5f, by, 2, in);
    near("in place", DType.F32, bed.read(in, rows), expected);
  }

  /** Input rows of convolutions, conditioned and not. */
  public static void convolutionInputs(TestBed bed, int[] lengths, int width, int groups) {
    RowSpans spans = spans(lengths);
    DType type = bed.device().computeType();
    int rows = spans.rows();
    float[] x = Fixture.gaussian(rows, rows * width);
    int columns = 2 * width + 5;
    float[] m = Fixture.gaussian(8, 3 * columns);
    Tensor in = bed.tensor(DType.F32, x, width);
    Modulation by = new Modulation(bed.tensor(DType.F32, m, columns), rowOf(rows));
    for (boolean conditioned : new boolean[] {false, true}) {
      double[][] y = new double[rows][];
      for (int r = 0; r < rows; r++) {
        y[r] =
            LatentReference.activated(
                LatentReference.doubles(x),
                r * width,
                width,
                groups,
                1e-5f,
                conditioned ? LatentReference.doubles(m) : new double[0],
                r % 3 * columns + 4);
      }
      String what = Arrays.toString(lengths) + " " + width + " " + groups + " " + conditioned;
      float[] found =
          bed.found(
              what,
              () -> {
                Tensor out = bed.empty(type, rows, 3 * width);
                if (conditioned) {
                  bed.device().convolutionInput(in, spans, groups, 1e-5f, by, 4, out);
                } else {
                  bed.device().convolutionInput(in, spans, groups, 1e-5f, out);
                }
                return bed.read(out, rows);
              });
      // One channel less its own mean is zero, and so is all that comes of it.
      if (width > 1 || conditioned) {
        near(what, type, found, LatentReference.shifted(y, spans, width));
      }
    }
  }

  /** Gated sums. */
  public static void gates(TestBed bed) {
    int width = 83;
    int rows = 7;
    float[] x = Fixture.gaussian(1, rows * width);
    float[] y = Fixture.gaussian(2, rows * width);
    float[] m = Fixture.gaussian(3, 3 * (width + 1));
    Tensor in = bed.tensor(DType.F32, x, width);
    Modulation by = new Modulation(bed.tensor(DType.F32, m, width + 1), rowOf(rows));
    bed.device().gateAdd(in, rows, bed.tensor(DType.F32, y, width), by, 1);
    float[] found = bed.read(in, rows);
    for (int i = 0; i < found.length; i++) {
      float gate = m[i / width % 3 * (width + 1) + 1 + i % width];
      assertEquals(Math.fma(gate, y[i], x[i]), found[i]);
    }
  }

  /** What a network sees of times. */
  public static void timeFeatures(TestBed bed) {
    DType type = bed.device().computeType();
    float[] times = {0, 0.125f, 0.7f, 1};
    Tensor features = bed.empty(type, 4, 64);
    bed.device().timeFeatures(times, 4, features);
    double[] expected = new double[4 * 64];
    for (int i = 0; i < expected.length; i++) {
      double angle = 1000 * Math.pow(10_000, -(i % 64 / 2) / 32.0) * times[i / 64];
      expected[i] = i % 2 == 0 ? Math.cos(angle) : Math.sin(angle);
    }
    near("times", type, bed.read(features, 4), expected);
  }

  /** Rows of tables of either type added. */
  public static void tableRows(TestBed bed) {
    int width = 83;
    int rows = 7;
    float[] x = Fixture.gaussian(1, rows * width);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      float[] t = Fixture.gaussian(2, 4 * width, type);
      EmbeddingTable table =
          bed.device().table(Fixture.view(bed.arena(), "state", type, t, 4, width));
      Tensor sums = bed.tensor(DType.F32, x, width);
      int[] states = {0, 3, 3, 1, 2};
      bed.device().embedAdd(table, states, 5, sums);
      float[] added = bed.read(sums, rows);
      for (int i = 0; i < added.length; i++) {
        int row = i / width;
        assertEquals(row < 5 ? x[i] + t[states[row] * width + i % width] : x[i], added[i]);
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> bed.device().embedAdd(table, new int[] {4}, 1, sums));
    }
  }

  /** Half resolution, and back through a gate. */
  public static void halfResolutionAndBack(TestBed bed, int[] lengths, int width) {
    DType type = bed.device().computeType();
    RowSpans spans = spans(lengths);
    RowSpans half = spans(Arrays.stream(lengths).map(n -> (n + 1) / 2).toArray());
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
    Tensor in = bed.tensor(DType.F32, x, width);
    Tensor taps = bed.device().vector(Fixture.view(bed.arena(), "t", DType.F32, t, 4, width));
    String what = "down " + Arrays.toString(lengths) + " width " + width;
    float[] found =
        bed.found(
            what,
            () -> {
              Tensor out = bed.empty(type, half.rows(), width);
              bed.device().downsample(in, spans, taps, half, out);
              return bed.read(out, half.rows());
            });
    double error = Reference.relativeError(found, down);
    assertTrue(error <= (type == DType.BF16 ? 4e-3 : 1e-6), what + ": relative error " + error);

    float[] h = Fixture.gaussian(4, half.rows() * width);
    Tensor gate = bed.device().vector(Fixture.view(bed.arena(), "g", DType.F32, g, width));
    bed.device().upsampleAdd(bed.tensor(DType.F32, h, width), half, gate, spans, in);
    float[] up = bed.read(in, spans.rows());
    for (int s = 0; s < spans.sequences(); s++) {
      for (int n = 0; n < spans.length(s) * width; n++) {
        int to = spans.start(s) * width + n;
        int from = (half.start(s) + n / width / 2) * width + n % width;
        assertEquals(Math.fma(g[n % width], h[from], x[to]), up[to]);
      }
    }
  }

  /** Resolutions of which one is not half of the other. */
  public static void halvesThatDoNotFit(TestBed bed) {
    Device device = bed.device();
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

  /** Rows by number, and zeros where there is none. */
  public static void gatheredRows(TestBed bed) {
    int width = 37;
    float[] x = Fixture.gaussian(1, 9 * width, DType.BF16);
    Tensor in = bed.tensor(DType.F32, x, width);
    int[] index = {8, -1, 0, 3, 3};
    for (DType type : types(bed)) {
      Tensor out = bed.empty(type, 5, width);
      bed.device().gather(in, index, 5, out);
      float[] found = bed.read(out, 5);
      for (int i = 0; i < found.length; i++) {
        int row = index[i / width];
        assertEquals(row < 0 ? 0f : x[row * width + i % width], found[i]);
      }
    }
  }

  /** Rows of a sequence of {@code length} between others: their convolution inputs and norms. */
  public static float[] among(TestBed bed, int length, int... others) {
    int width = 72;
    RowSpans spans = spans(others);
    int at = spans.add(length);
    spans.add(9);
    float[] x = Fixture.gaussian(1, spans.rows() * width);
    System.arraycopy(Fixture.gaussian(5, length * width), 0, x, at * width, length * width);
    int[] rowOf = new int[spans.rows()];
    for (int i = 0; i < length; i++) {
      rowOf[at + i] = i % 3;
    }
    Tensor m = bed.tensor(DType.F32, Fixture.gaussian(6, 3 * 2 * width), 2 * width);
    Modulation by = new Modulation(m, rowOf);
    Tensor in = bed.tensor(DType.F32, x, width);
    Tensor convolved = bed.empty(bed.device().computeType(), spans.rows(), 3 * width);
    bed.device().convolutionInput(in, spans, 8, 1e-5f, by, 0, convolved);
    bed.device().adaNorm(in, spans.rows(), 1e-5f, by, 0, in);
    float[] found = new float[4 * length * width];
    float[] c = bed.read(convolved, spans.rows());
    float[] n = bed.read(in, spans.rows());
    System.arraycopy(c, 3 * at * width, found, 0, 3 * length * width);
    System.arraycopy(n, at * width, found, 3 * length * width, length * width);
    return found;
  }
}
