/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.anySchedule;
import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What products give, however the weights are kept: against float64, and bit for bit. */
final class ProductCases {
  private ProductCases() {}

  /**
   * Sums are those of the reference; logits are the same, and so are sums with a bias and sums that
   * are added, but for that. The first row has the same bits for each number of rows.
   *
   * @param w the numbers that the map stands for, {@code [n][k]}
   * @param rows how many are multiplied, ascending
   * @param tolerance of the relative error
   */
  static void products(
      CudaFixture f,
      String name,
      PackedLinear map,
      float[] w,
      int k,
      int n,
      int[] rows,
      double tolerance) {
    assertEquals(n, map.outFeatures());
    assertEquals(k, map.inFeatures());
    int most = rows[rows.length - 1];
    float[] b = Fixture.gaussian(n, n);
    Tensor bias = f.device.vector(Fixture.view(f.arena, "bias", DType.F32, b, n));
    float[] all = f.gaussian(7, most * k);
    double[] products = Reference.product(all, w, most, k, n);
    float[] before = Fixture.gaussian(3, most * n);
    float[] firstRow = null;
    for (int m : rows) {
      String what = what(name, m, k, n);
      Tensor in = f.tensor(f.type, Arrays.copyOf(all, m * k), k);
      float[] sums =
          anySchedule(
              what,
              () -> {
                Tensor out = f.empty(DType.F32, m, n);
                f.device.linear(in, m, map, out);
                return f.read(out, m);
              });
      near(what, sums, Arrays.copyOf(products, m * n), tolerance);
      // A row's bits do not depend on how many there are, so neither on the tile.
      firstRow = firstRow == null ? sums : firstRow;
      assertArrayEquals(firstRow, Arrays.copyOf(sums, n), what);

      float[] logits = new float[m * n];
      f.device.logits(in, m, map, MemorySegment.ofArray(logits));
      assertArrayEquals(sums, logits, what);

      Tensor biased = f.empty(DType.F32, m, n);
      f.device.linear(in, m, map, bias, biased);
      Tensor sum = f.tensor(DType.F32, Arrays.copyOf(before, m * n), n);
      f.device.linearAdd(in, m, map, sum);
      float[] withBias = sums.clone();
      float[] added = sums.clone();
      for (int i = 0; i < sums.length; i++) {
        withBias[i] += b[i % n];
        added[i] = before[i] + added[i];
      }
      assertArrayEquals(withBias, f.read(biased, m), what + " + bias");
      assertArrayEquals(added, f.read(sum, m), what + " added");
    }
  }

  /**
   * Gated products are those of the reference.
   *
   * @param gate the numbers that the gate stands for, {@code [n][k]}
   * @param up those of the up projection
   * @param rows how many are multiplied
   * @param scale of the inputs, a power of two
   */
  static void gated(
      CudaFixture f,
      String name,
      PackedLinear map,
      float[] gate,
      float[] up,
      int k,
      int n,
      int[] rows,
      float scale) {
    assertEquals(n, map.outFeatures());
    for (int m : rows) {
      float[] x = f.gaussian(7, m * k);
      for (int i = 0; i < x.length; i++) {
        x[i] *= scale;
      }
      double[] expected =
          Reference.gatedSilu(
              Reference.product(x, gate, m, k, n), Reference.product(x, up, m, k, n));
      Tensor in = f.tensor(f.type, x, k);
      String what = what(name + " gated", m, k, n);
      float[] found =
          anySchedule(
              what,
              () -> {
                Tensor out = f.empty(f.type, m, n);
                f.device.gatedSilu(in, m, map, out);
                return f.read(out, m);
              });
      near(what, found, expected, f.tolerance(2 * k));
    }
  }

  private static String what(String name, int m, int k, int n) {
    return "%s [%d,%d] x [%d,%d]".formatted(name, m, k, k, n);
  }

  /**
   * A row has the same bits alone and in the middle of others, in a map and in a gated one.
   *
   * @param rows of the batches; the first one has one
   */
  static void sameBitsInAnyBatch(
      CudaFixture f, String name, PackedLinear map, PackedLinear gated, int[] rows) {
    int k = map.inFeatures();
    int n = map.outFeatures();
    float[] probe = f.gaussian(3, k);
    float[] alone = null;
    for (int m : rows) {
      float[] x = f.gaussian(m, m * k);
      int place = m / 2;
      System.arraycopy(probe, 0, x, place * k, k);
      Tensor in = f.tensor(f.type, x, k);
      Tensor out = f.empty(DType.F32, m, n);
      f.device.linear(in, m, map, out);
      Tensor act = f.empty(f.type, m, n);
      f.device.gatedSilu(in, m, gated, act);
      float[] row = new float[2 * n];
      System.arraycopy(f.read(out, m), place * n, row, 0, n);
      System.arraycopy(f.read(act, m), place * n, row, n, n);
      alone = alone == null ? row : alone;
      assertArrayEquals(alone, row, name + " in a batch of " + m);
    }
  }
}
