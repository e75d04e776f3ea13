/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Products of s8 weights and rows rounded to u8, by every provider. */
class Int8LinearTest {
  /** {@code {k, n}}: odd and prime, around tiles and panels, deep. */
  private static final int[][] SHAPES = {
    {1, 1}, {64, 64}, {96, 224}, {257, 129}, {70, 1031}, {3071, 17}
  };

  static List<CpuOptions> devices() {
    return Fixture.everyInt8Device().toList();
  }

  /** Weights as the device is to keep them: {@code [n][k]} whole numbers and a scale a row. */
  private record Rounded(int[] values, float[] scales) {
    static Rounded of(float[] w, int n, int k) {
      Rounded rounded = new Rounded(new int[n * k], new float[n]);
      for (int r = 0; r < n; r++) {
        float largest = 0;
        for (int i = 0; i < k; i++) {
          largest = Math.max(largest, Math.abs(w[r * k + i]));
        }
        rounded.scales[r] = largest / 127;
        for (int i = 0; i < k; i++) {
          rounded.values[r * k + i] = Math.round(w[r * k + i] / rounded.scales[r]);
        }
      }
      return rounded;
    }
  }

  /** {@code x·Wᵀ} of the rounded numbers, in float64. */
  private static double[] reference(float[] x, Rounded w, int m, int k, int n) {
    double[] out = new double[m * n];
    float[] scales = new float[m];
    int[] zeroPoints = new int[m];
    MemorySegment bytes = MemorySegment.ofArray(new byte[k]);
    for (int r = 0; r < m; r++) {
      float[] row = Arrays.copyOfRange(x, r * k, (r + 1) * k);
      new PlainRowKernels().quantize(row, k, bytes, 0, scales, zeroPoints, r);
      int[] centred = new int[k];
      for (int i = 0; i < k; i++) {
        centred[i] = (bytes.get(JAVA_BYTE, i) & 0xFF) - zeroPoints[r];
      }
      for (int c = 0; c < n; c++) {
        int sum = 0;
        for (int i = 0; i < k; i++) {
          sum += centred[i] * w.values[c * k + i];
        }
        out[r * n + c] = (double) sum * scales[r] * w.scales[c];
      }
    }
    return out;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void productsEqualTheReference(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      for (int[] shape : SHAPES) {
        products(device, arena, shape[0], shape[1], 1, 16, 31, 130);
      }
      int step = options.gemm() == CpuOptions.Gemm.ONEDNN ? 1 : 13;
      products(
          device,
          arena,
          37,
          61,
          IntStream.rangeClosed(1, 130).filter(m -> m % step == 0).toArray());
      products(device, arena, 5, 3, 257);
    }
  }

  private static void products(CpuDevice device, Arena arena, int k, int n, int... rows) {
    DType type = device.computeType();
    final int most = rows[rows.length - 1];
    float[] w = Fixture.gaussian(k, n * k);
    float[] u = Fixture.gaussian(k + 1, n * k);
    float[] b = Fixture.gaussian(n, n);
    final float[] allRows = Fixture.gaussian(7, most * k, type);
    final double[] allProducts = reference(allRows, Rounded.of(w, n, k), most, k, n);
    final double[] ups = reference(allRows, Rounded.of(u, n, k), most, k, n);
    int cut = n / 3;
    PackedLinear map =
        cut == 0
            ? device.pack(Fixture.view(arena, "w", DType.F32, w, n, k))
            : device.pack(
                Fixture.view(arena, "a", DType.F32, Arrays.copyOf(w, cut * k), cut, k),
                Fixture.view(
                    arena, "b", DType.F32, Arrays.copyOfRange(w, cut * k, n * k), n - cut, k));
    PackedLinear gated =
        device.packGated(
            Fixture.view(arena, "gate", DType.F32, w, n, k),
            Fixture.view(arena, "up", DType.F32, u, n, k));
    Tensor bias = device.vector(Fixture.view(arena, "bias", DType.F32, b, n));
    for (int m : rows) {
      double[] expected = Arrays.copyOf(allProducts, m * n);
      String what = device.describe() + " [" + m + "," + k + "] x [" + k + "," + n + "]";
      Tensor in = Fixture.tensor(device, type, Arrays.copyOf(allRows, m * k), k, 3);

      Tensor out = Fixture.empty(device, DType.F32, m, n, 3);
      device.linear(in, m, map, out);
      check(what, out, m, expected, 1e-6);
      final float[] stored = Fixture.read(out, m);

      MemorySegment host = MemorySegment.ofArray(new float[m * n]);
      device.logits(in, m, map, host);
      assertArrayEquals(stored, host.toArray(ValueLayout.JAVA_FLOAT), what);

      double[] biased = expected.clone();
      double[] added = expected.clone();
      float[] before = Fixture.gaussian(m, m * n);
      for (int i = 0; i < biased.length; i++) {
        biased[i] += b[i % n];
        added[i] += before[i];
      }
      device.linear(in, m, map, bias, out);
      check(what + " + bias", out, m, biased, 1e-6);
      Tensor sum = Fixture.tensor(device, DType.F32, before, n, 3);
      device.linearAdd(in, m, map, sum);
      check(what + " added", sum, m, added, 1e-6);

      Tensor act = Fixture.empty(device, type, m, n, 3);
      device.gatedSilu(in, m, gated, act);
      double[] gatedUps = Reference.gatedSilu(expected, Arrays.copyOf(ups, m * n));
      // a gate's rounding errors in f32 grow with the argument of exp
      check(what + " gated", act, m, gatedUps, type == DType.BF16 ? 4e-3 : 1e-5);
      for (Tensor t : List.of(in, out, sum, act)) {
        device.free(t);
      }
    }
  }

  private static void check(
      String what, Tensor out, int rows, double[] expected, double tolerance) {
    double error = Reference.relativeError(Fixture.read(out, rows), expected);
    assertTrue(error <= tolerance, what + ": relative error " + error);
    assertTrue(Fixture.guarded(out, rows), what + ": wrote behind its rows");
  }

  /** What rounding costs on Gaussian numbers, so that a worse rounding does not go unnoticed. */
  @Test
  void roundingCostsLittle() {
    try (CpuDevice device =
            CpuDevice.open(CpuOptions.DEFAULT.withWeights(CpuOptions.Weights.INT8));
        Arena arena = Arena.ofShared()) {
      int m = 32;
      int k = 1024;
      int n = 256;
      float[] w = Fixture.gaussian(1, n * k);
      float[] x = Fixture.gaussian(2, m * k, device.computeType());
      Tensor in = Fixture.tensor(device, device.computeType(), x, k, 0);
      Tensor out = Fixture.empty(device, DType.F32, m, n, 0);
      device.linear(in, m, device.pack(Fixture.view(arena, "w", DType.F32, w, n, k)), out);
      double error =
          Reference.relativeError(Fixture.read(out, m), Reference.product(x, w, m, k, n));
      assertTrue(error < 0.012, "relative error " + error);
    }
  }

  /** All providers, batches and teams give a row the same bits. */
  @Test
  void aRowHasTheSameBitsFromEveryProviderInAnyBatchAndTeam() {
    int[] batches = {256, 1, 2, 7, 33, 600};
    for (int[] shape : new int[][] {{1023, 70}, {64, 521}}) {
      int k = shape[0];
      int n = shape[1];
      for (DType type : List.of(DType.F32, DType.BF16)) {
        List<float[]> rows = new ArrayList<>();
        for (CpuOptions options : devices()) {
          if (!options.computeType().name().equals(type.name())) {
            continue;
          }
          for (int threads : new int[] {1, 2, 3}) {
            try (CpuDevice device = CpuDevice.open(options.withThreads(threads));
                Arena arena = Arena.ofShared()) {
              WeightView view =
                  Fixture.view(arena, "w", DType.F32, Fixture.gaussian(k, n * k), n, k);
              WeightView other =
                  Fixture.view(arena, "u", DType.F32, Fixture.gaussian(5, n * k), n, k);
              PackedLinear map = device.pack(view);
              PackedLinear gated = device.packGated(view, other);
              for (int m : batches) {
                if (m > 130 && options.gemm() == CpuOptions.Gemm.PLAIN) {
                  continue;
                }
                rows.add(row(device, map, gated, m, k, n));
                assertArrayEquals(
                    rows.getFirst(),
                    rows.getLast(),
                    options + " K=" + k + " N=" + n + " M=" + m + " threads=" + threads);
              }
            }
          }
        }
      }
    }
  }

  /** One row's products, in the middle of a batch of {@code m}. */
  private static float[] row(
      CpuDevice device, PackedLinear map, PackedLinear gated, int m, int k, int n) {
    DType type = device.computeType();
    float[] x = Fixture.gaussian(m, m * k, type);
    int place = m / 2;
    System.arraycopy(Fixture.gaussian(99, k, type), 0, x, place * k, k);
    Tensor in = Fixture.tensor(device, type, x, k, 0);
    Tensor out = Fixture.empty(device, DType.F32, m, n, 0);
    device.linear(in, m, map, out);
    float[] third = new float[m * n];
    Arrays.fill(third, 0.3f);
    Tensor sum = Fixture.tensor(device, DType.F32, third, n, 0);
    device.linearAdd(in, m, map, sum);
    Tensor act = Fixture.empty(device, type, m, n, 0);
    device.gatedSilu(in, m, gated, act);
    float[] row = new float[3 * n];
    System.arraycopy(Fixture.read(out, m), place * n, row, 0, n);
    System.arraycopy(Fixture.read(sum, m), place * n, row, n, n);
    System.arraycopy(Fixture.read(act, m), place * n, row, 2 * n, n);
    for (Tensor t : List.of(in, out, sum, act)) {
      device.free(t);
    }
    return row;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void weightsOfEveryDtypeArePacked(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      int k = 64;
      int n = 70;
      int m = 5;
      for (DType dtype : List.of(DType.BF16, DType.F16, DType.F32, DType.Q8_0, DType.Q4_0)) {
        WeightView view =
            dtype.blockLength() > 1
                ? DequantizerTest.quantised(arena, dtype, n, k)
                : Fixture.view(arena, "w", dtype, Fixture.gaussian(1, n * k), n, k);
        float[] w = new float[n * k];
        for (int i = 0; i < n * k; i++) {
          w[i] = DequantizerTest.element(view, i);
        }
        float[] x = Fixture.gaussian(3, m * k, device.computeType());
        Tensor in = Fixture.tensor(device, device.computeType(), x, k, 0);
        Tensor out = Fixture.empty(device, DType.F32, m, n, 0);
        PackedLinear map = device.pack(view);
        device.linear(in, m, map, out);
        check(options + " " + dtype, out, m, reference(x, Rounded.of(w, n, k), m, k, n), 1e-6);
        assertTrue(map.bytes() < 2L * n * k + 1024, "bytes " + map.bytes());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void extremeRowsKeepToThemselves(CpuOptions options) {
    int k = 70;
    int n = 80;
    float[] one = new float[k];
    Arrays.fill(one, 3);
    float[] huge = Fixture.gaussian(1, k);
    huge[k / 2] = 1e30f;
    float[] widest = new float[k];
    widest[0] = 3.3e38f;
    widest[1] = -3.3e38f;
    float[] tiny = new float[k];
    Arrays.fill(tiny, Float.MIN_VALUE);
    float[] notANumber = Fixture.gaussian(1, k);
    notANumber[k - 1] = Float.NaN;
    float[] infinite = Fixture.gaussian(1, k);
    infinite[3] = Float.NEGATIVE_INFINITY;
    float[] ordinary = Fixture.gaussian(6, k, DType.BF16);
    float[][] rows = {one, new float[k], huge, widest, tiny, notANumber, infinite, ordinary};
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      float[] w = Fixture.gaussian(k, n * k);
      for (int i = 0; i < n * k; i++) {
        w[i] /= 1000; // so that the widest row's products are finite
      }
      Arrays.fill(w, 0, k, 0); // an output without weights
      PackedLinear map = device.pack(Fixture.view(arena, "w", DType.F32, w, n, k));
      float[] x = new float[rows.length * k];
      for (int r = 0; r < rows.length; r++) {
        System.arraycopy(rows[r], 0, x, r * k, k);
      }
      Tensor in = Fixture.tensor(device, device.computeType(), x, k, 0);
      Tensor out = Fixture.empty(device, DType.F32, rows.length, n, 1);
      device.linear(in, rows.length, map, out);
      float[] y = Fixture.read(out, rows.length);
      for (int c = 0; c < n; c++) {
        double sum = 0;
        for (int i = 0; i < k; i++) {
          sum += w[c * k + i];
        }
        assertEquals(3 * sum, y[c], 0.06, "all equal");
        assertEquals(0f, y[n + c], "zeros");
        double expected = 1e30 * w[c * k + k / 2];
        assertEquals(expected, y[2 * n + c], 2e25, "one huge value");
        assertTrue(Float.isFinite(y[3 * n + c]), "the widest range");
        assertEquals(0f, y[4 * n + c], "subnormal");
        assertTrue(Float.isNaN(y[5 * n + c]), "NaN");
        assertTrue(Float.isNaN(y[6 * n + c]), "an infinity");
      }
      Tensor alone = Fixture.tensor(device, device.computeType(), ordinary, k, 0);
      Tensor single = Fixture.empty(device, DType.F32, 1, n, 0);
      device.linear(alone, 1, map, single);
      assertArrayEquals(
          Fixture.read(single, 1), Arrays.copyOfRange(y, 7 * n, 8 * n), "an ordinary row");
      assertTrue(Fixture.guarded(out, rows.length));

      float[] broken = w.clone();
      broken[5 * k] = Float.NaN;
      device.linear(
          in, 1, device.pack(Fixture.view(arena, "broken", DType.F32, broken, n, k)), out);
      float[] first = Fixture.read(out, 1);
      for (int c = 0; c < n; c++) {
        assertEquals(c == 5, Float.isNaN(first[c]), "NaN in one output's weights");
      }
    }
  }

  /** Every u8·s8 pair at its extremes: where 16-bit sums would saturate. */
  @ParameterizedTest
  @MethodSource("devices")
  void extremeSumsAreExact(CpuOptions options) {
    int k = 4096;
    int n = 48;
    int m = 3;
    float[] w = new float[n * k];
    for (int i = 0; i < w.length; i++) {
      w[i] = i / k % 2 == 0 ? 127 : i % 2 == 0 ? -127 : -126;
    }
    float[] x = new float[m * k];
    Arrays.fill(x, 255);
    x[2 * k] = 0;
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      Tensor in = Fixture.tensor(device, device.computeType(), x, k, 0);
      Tensor out = Fixture.empty(device, DType.F32, m, n, 0);
      device.linear(in, m, device.pack(Fixture.view(arena, "w", DType.F32, w, n, k)), out);
      float[] y = Fixture.read(out, m);
      for (int i = 0; i < y.length; i++) {
        int r = i / n;
        int c = i % n;
        int sum = c % 2 == 0 ? k * 255 * 127 : -k / 2 * 255 * (127 + 126);
        sum -= r == 2 ? 255 * (c % 2 == 0 ? 127 : -127) : 0;
        assertEquals((float) sum, y[i], Math.ulp((float) sum), "row " + r + ", column " + c);
      }
    }
  }

  @Test
  void sumsThatCouldLeave32BitsAreRefused() {
    try (CpuDevice device =
            CpuDevice.open(CpuOptions.DEFAULT.withWeights(CpuOptions.Weights.INT8));
        Arena arena = Arena.ofShared()) {
      WeightView deep = Fixture.view(arena, "deep", DType.F32, new float[70_000], 1, 70_000);
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> device.pack(deep));
      assertTrue(e.getMessage().contains("deep"), e.getMessage());
      assertTrue(e.getMessage().contains("70000"), e.getMessage());
    }
  }

  /** Rounding is to nearest, zero is exact, and both kinds of kernels agree. */
  @Test
  void rowsAreRoundedToNearest() {
    RowKernels plain = new PlainRowKernels();
    RowKernels vector = new VectorRowKernels();
    for (int n : new int[] {1, 7, 16, 33, 1000}) {
      for (float shift : new float[] {0, 3, -3}) {
        float[] x = Fixture.gaussian(n, n);
        for (int i = 0; i < n; i++) {
          x[i] += shift;
        }
        float[] scales = new float[2];
        int[] zeroPoints = new int[2];
        MemorySegment a = MemorySegment.ofArray(new byte[n]);
        MemorySegment b = MemorySegment.ofArray(new byte[n]);
        plain.quantize(x, n, a, 0, scales, zeroPoints, 0);
        vector.quantize(x, n, b, 0, scales, zeroPoints, 1);
        assertEquals(-1, a.mismatch(b), "n " + n);
        assertEquals(scales[0], scales[1]);
        assertEquals(zeroPoints[0], zeroPoints[1]);
        for (int i = 0; i < n; i++) {
          double read = scales[0] * ((a.get(JAVA_BYTE, i) & 0xFF) - (double) zeroPoints[0]);
          // half a step, and another half at the ends, where the zero point was rounded
          boolean end = (a.get(JAVA_BYTE, i) & 0xFF) % 255 == 0;
          assertEquals(x[i], read, scales[0] * (end ? 1.001 : 0.501), "n " + n + ", " + i);
        }
      }
    }
  }

  /** Scale 1, zero point 1 (of 0.5): the largest, 255.5, would round to 256. */
  @Test
  void theLargestElementStaysAByte() {
    float[] x = new float[33];
    Arrays.fill(x, 254.5f);
    x[0] = -0.5f;
    for (RowKernels kernels : List.of(new PlainRowKernels(), new VectorRowKernels())) {
      MemorySegment bytes = MemorySegment.ofArray(new byte[33]);
      kernels.quantize(x, 33, bytes, 0, new float[1], new int[1], 0);
      for (int i = 1; i < 33; i++) {
        assertEquals(255, bytes.get(JAVA_BYTE, i) & 0xFF, kernels.describe() + " " + i);
      }
    }
  }
}
