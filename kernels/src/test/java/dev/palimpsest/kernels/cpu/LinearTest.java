/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Matrix products of all providers against float64, at sizes around every tile's edge. */
class LinearTest {
  private static final int[] ROWS = {1, 2, 15, 16, 17, 127, 131, 257};
  private static final int MOST = 257;

  /** {@code {k, n}}: whole tiles, odd ones, one column, two tiles and a bit, deep sums. */
  private static final int[][] SHAPES = {
    {96, 224}, {64, 1}, {1, 5}, {37, 61}, {256, 128}, {300, 513}, {520, 129}, {3072, 20}
  };

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void productsEqualTheReference(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      DType type = device.computeType();
      for (int[] shape : SHAPES) {
        int k = shape[0];
        int n = shape[1];
        float[] w = Fixture.gaussian(k, n * k, type);
        float[] b = Fixture.gaussian(n, n);
        int cut = n / 3;
        // two parts side by side, so that tiles straddle them
        PackedLinear map =
            cut == 0
                ? device.pack(Fixture.view(arena, "w", DType.F32, w, n, k))
                : device.pack(
                    Fixture.view(arena, "a", DType.F32, Arrays.copyOf(w, cut * k), cut, k),
                    Fixture.view(
                        arena, "b", DType.F32, Arrays.copyOfRange(w, cut * k, n * k), n - cut, k));
        assertEquals(n, map.outFeatures());
        assertEquals(k, map.inFeatures());
        assertTrue(map.bytes() >= (long) n * k * type.blockBytes());
        Tensor bias = device.vector(Fixture.view(arena, "bias", DType.F32, b, n));
        float[] allRows = Fixture.gaussian(7, MOST * k, type);
        double[] products = Reference.product(allRows, w, MOST, k, n);
        for (int m : ROWS) {
          float[] x = Arrays.copyOf(allRows, m * k);
          double[] expected = Arrays.copyOf(products, m * n);
          String what = options + " [" + m + "," + k + "] x [" + k + "," + n + "]";
          Tensor in = Fixture.tensor(device, type, x, k, 3);

          Tensor out = Fixture.empty(device, DType.F32, m, n, 3);
          device.linear(in, m, map, out);
          check(device, what, out, m, expected, k);
          final float[] stored = Fixture.read(out, m);

          MemorySegment host = MemorySegment.ofArray(new float[m * n]);
          device.logits(in, m, map, host);
          assertTrue(Arrays.equals(stored, host.toArray(ValueLayout.JAVA_FLOAT)), what);

          double[] biased = expected.clone();
          for (int i = 0; i < biased.length; i++) {
            biased[i] += b[i % n];
          }
          device.linear(in, m, map, bias, out);
          check(device, what + " + bias", out, m, biased, k);

          float[] before = Fixture.gaussian(m, m * n);
          double[] added = expected.clone();
          for (int i = 0; i < added.length; i++) {
            added[i] += before[i];
          }
          Tensor sum = Fixture.tensor(device, DType.F32, before, n, 3);
          device.linearAdd(in, m, map, sum);
          check(device, what + " added", sum, m, added, k);
          device.free(in);
          device.free(out);
          device.free(sum);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void gatedProductsEqualTheReference(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      DType type = device.computeType();
      for (int[] shape : SHAPES) {
        int k = shape[0];
        int n = shape[1];
        float[] gate = Fixture.gaussian(k, n * k, type);
        float[] up = Fixture.gaussian(k + 1, n * k, type);
        for (int i = 0; i < n * k; i++) {
          gate[i] = type == DType.BF16 ? gate[i] : gate[i] / (float) Math.sqrt(k);
        }
        PackedLinear map =
            device.packGated(
                Fixture.view(arena, "gate", DType.F32, gate, n, k),
                Fixture.view(arena, "up", DType.F32, up, n, k));
        assertEquals(n, map.outFeatures());
        float[] allRows = Fixture.gaussian(7, MOST * k, type);
        double[] products =
            Reference.gatedSilu(
                Reference.product(allRows, gate, MOST, k, n),
                Reference.product(allRows, up, MOST, k, n));
        for (int m : ROWS) {
          float[] x = Arrays.copyOf(allRows, m * k);
          double[] expected = Arrays.copyOf(products, m * n);
          Tensor in = Fixture.tensor(device, type, x, k, 3);
          Tensor out = Fixture.empty(device, type, m, n, 3);
          device.gatedSilu(in, m, map, out);
          check(
              device,
              options + " gated [" + m + "," + k + "] x [" + k + "," + n + "]",
              out,
              m,
              expected,
              2 * k);
          device.free(in);
          device.free(out);
        }
      }
    }
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
        device.linear(in, m, device.pack(view), out);
        check(device, options + " " + dtype, out, m, Reference.product(x, w, m, k, n), k);
      }
    }
  }

  /** The bits of a row, and of every row of a batch, whatever batch and team it is in. */
  @ParameterizedTest
  @MethodSource("devices")
  void aRowHasTheSameBitsInAnyBatchAndTeam(CpuOptions options) {
    int[] batches = {256, 1, 2, 7, 33, 130};
    for (int[] shape :
        new int[][] {{96, 224}, {224, 512}, {1024, 70}, {300, 600}, {3072, 33}, {64, 31}}) {
      int k = shape[0];
      int n = shape[1];
      List<float[]> rows = new ArrayList<>();
      for (int threads : new int[] {1, 2, 3}) {
        try (CpuDevice device = CpuDevice.open(options.withThreads(threads));
            Arena arena = Arena.ofShared()) {
          DType type = device.computeType();
          float[] w = Fixture.gaussian(k, n * k, type);
          WeightView view = Fixture.view(arena, "w", DType.F32, w, n, k);
          WeightView other = Fixture.view(arena, "u", DType.F32, Fixture.gaussian(5, n * k), n, k);
          PackedLinear map = device.pack(view);
          PackedLinear gated = device.packGated(view, other);
          float[] probe = Fixture.gaussian(99, k, type);
          for (int m : batches) {
            float[] x = Fixture.gaussian(m, m * k, type);
            int place = m / 2;
            System.arraycopy(probe, 0, x, place * k, k);
            Tensor in = Fixture.tensor(device, type, x, k, 0);
            Tensor out = Fixture.empty(device, DType.F32, m, n, 0);
            device.linear(in, m, map, out);
            Tensor sum = Fixture.tensor(device, DType.F32, filled(m * n, 0.3f), n, 0);
            device.linearAdd(in, m, map, sum);
            Tensor act = Fixture.empty(device, type, m, n, 0);
            device.gatedSilu(in, m, gated, act);
            float[] row = new float[3 * n];
            System.arraycopy(Fixture.read(out, m), place * n, row, 0, n);
            System.arraycopy(Fixture.read(sum, m), place * n, row, n, n);
            System.arraycopy(Fixture.read(act, m), place * n, row, 2 * n, n);
            rows.add(row);
            assertTrue(
                Arrays.equals(rows.getFirst(), row),
                options + " K=" + k + " N=" + n + " M=" + m + " threads=" + threads);
            device.free(in);
            device.free(out);
            device.free(sum);
            device.free(act);
          }
        }
      }
    }
  }

  private static float[] filled(int n, float value) {
    float[] out = new float[n];
    Arrays.fill(out, value);
    return out;
  }

  private static void check(
      CpuDevice device, String what, Tensor out, int rows, double[] expected, int k) {
    double error = Reference.relativeError(Fixture.read(out, rows), expected);
    double tolerance = Fixture.tolerance(device, k);
    assertTrue(error <= tolerance, what + ": relative error " + error + " > " + tolerance);
    assertTrue(Fixture.guarded(out, rows), what + ": wrote behind its rows");
  }
}
