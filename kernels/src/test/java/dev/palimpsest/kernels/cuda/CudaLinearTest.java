/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Matrix products against float64, at sizes around every tile's edge. */
class CudaLinearTest {
  private static final int[] ROWS = {1, 31, 33, 64, 129};

  /** {@code {k, n}}: whole tiles, odd ones, widths for which there are no tensor cores. */
  private static final int[][] SHAPES = {
    {64, 64}, {96, 131}, {37, 61}, {40, 1}, {8, 65}, {200, 130}
  };

  @ParameterizedTest
  @EnumSource
  void productsEqualTheReference(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int[] shape : SHAPES) {
        int k = shape[0];
        int n = shape[1];
        int cut = n / 3;
        float[] w = f.gaussian(k, n * k);
        PackedLinear map =
            cut == 0
                ? f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, n, k))
                : f.device.pack(
                    Fixture.view(f.arena, "a", DType.F32, Arrays.copyOf(w, cut * k), cut, k),
                    Fixture.view(
                        f.arena,
                        "b",
                        DType.F32,
                        Arrays.copyOfRange(w, cut * k, n * k),
                        n - cut,
                        k));
        ProductCases.products(f, compute.name(), map, w, k, n, ROWS, f.tolerance(k));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void gatedProductsEqualTheReference(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int[] shape : new int[][] {{64, 64}, {40, 37}, {37, 12}, {96, 160}}) {
        int k = shape[0];
        int n = shape[1];
        float[] gate = f.gaussian(1, n * k);
        float[] up = f.gaussian(2, n * k);
        for (int i = 0; i < n * k && f.type == DType.F32; i++) {
          gate[i] /= (float) Math.sqrt(k);
        }
        PackedLinear map =
            f.device.packGated(
                Fixture.view(f.arena, "gate", DType.F32, gate, n, k),
                Fixture.view(f.arena, "up", DType.F32, up, n, k));
        ProductCases.gated(f, compute.name(), map, gate, up, k, n, ROWS, 1);
      }
    }
  }

  /** Bits of a row alone and in batches of 2, 7 and 33. */
  @ParameterizedTest
  @EnumSource
  void aRowHasTheSameBitsInAnyBatch(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int k = 136;
      int n = 70;
      WeightView view = Fixture.view(f.arena, "w", DType.F32, f.gaussian(1, n * k), n, k);
      WeightView other = Fixture.view(f.arena, "u", DType.F32, f.gaussian(2, n * k), n, k);
      PackedLinear map = f.device.pack(view);
      PackedLinear gated = f.device.packGated(view, other);
      ProductCases.sameBitsInAnyBatch(f, compute.name(), map, gated, new int[] {1, 2, 7, 33, 130});
    }
  }

  @ParameterizedTest
  @EnumSource
  void bf16WeightsAreTakenAsTheyAre(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      float[] w = Fixture.gaussian(1, 16 * 24, DType.BF16);
      float[] x = f.gaussian(2, 3 * 24);
      for (DType stored : new DType[] {DType.F32, DType.BF16}) {
        PackedLinear map = f.device.pack(Fixture.view(f.arena, "w", stored, w, 16, 24));
        float[] out = new float[3 * 16];
        f.device.logits(f.tensor(f.type, x, 24), 3, map, MemorySegment.ofArray(out));
        near(stored.toString(), out, Reference.product(x, w, 3, 24, 16), 1e-5);
        Tensor rows = f.empty(DType.F32, 3, 16);
        f.device.linear(f.tensor(f.type, x, 24), 3, map, rows);
        assertArrayEquals(out, f.read(rows, 3));
      }
    }
  }
}
