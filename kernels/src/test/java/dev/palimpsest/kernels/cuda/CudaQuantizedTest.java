/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Products with weights of 8 and 4 bits against float64 products of the numbers they stand for. */
class CudaQuantizedTest {
  /** Around the edges of the tiles of 16, 32 and 64 rows. */
  private static final int[] ROWS = {1, 16, 17, 33, 64, 65};

  private static CudaFixture fixture(ComputeType compute) {
    return new CudaFixture(compute, CudaOptions.Weights.INT8);
  }

  /** A sum's error in f32; what meets tensor cores is bf16 and small integers, exactly. */
  private static double tolerance(int k) {
    return 1e-6 * Math.sqrt(k);
  }

  /**
   * Whole chunks and odd ones, columns around eight and 64, widths without tensor cores, and depths
   * that are cut into 2 and 4 splits.
   */
  @ParameterizedTest
  @CsvSource({
    "BF16, F32, 64, 64, 65",
    "BF16, F32, 200, 131, 65",
    "BF16, F32, 40, 1, 65",
    "BF16, F32, 37, 61, 33",
    "BF16, F32, 2056, 70, 17",
    "BF16, I8, 72, 9, 65",
    "BF16, I8, 1160, 20, 64",
    "BF16, Q8_0, 96, 131, 65",
    "BF16, Q8_0, 1056, 24, 33",
    "BF16, Q4_0, 96, 131, 65",
    "BF16, Q4_0, 32, 8, 16",
    "BF16, Q4_0, 2080, 70, 17",
    "F32, F32, 37, 131, 33",
    "F32, I8, 96, 70, 33",
    "F32, Q8_0, 96, 70, 33",
    "F32, Q4_0, 160, 61, 33",
  })
  void productsEqualTheReference(ComputeType compute, DType stored, int k, int n, int most) {
    try (CudaFixture f = fixture(compute)) {
      int cut = n / 3;
      StoredWeights first = StoredWeights.of(f.arena, stored, 1, Math.max(1, cut), k);
      StoredWeights second = StoredWeights.of(f.arena, stored, 2, n - cut, k);
      PackedLinear map =
          cut == 0 ? f.device.pack(second.view()) : f.device.pack(first.view(), second.view());
      float[] w = cut == 0 ? second.kept() : StoredWeights.together(first, second);
      int[] rows = Arrays.stream(ROWS).filter(m -> m <= most).toArray();
      ProductCases.products(f, compute + ", " + stored, map, w, k, n, rows, tolerance(k));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, F32, 72, 37",
    "BF16, I8, 1032, 12",
    "BF16, Q8_0, 96, 64",
    "BF16, Q4_0, 1056, 20",
    "F32, F32, 37, 12",
    "F32, Q4_0, 64, 37",
  })
  void gatedProductsEqualTheReference(ComputeType compute, DType stored, int k, int n) {
    try (CudaFixture f = fixture(compute)) {
      StoredWeights gate = StoredWeights.of(f.arena, stored, 1, n, k);
      StoredWeights up = StoredWeights.of(f.arena, stored, 2, n, k);
      PackedLinear map = f.device.packGated(gate.view(), up.view());
      // Gates of about one, whatever the width.
      ProductCases.gated(
          f,
          compute + ", " + stored,
          map,
          gate.kept(),
          up.kept(),
          k,
          n,
          new int[] {1, 17, 40},
          1 / 32f);
    }
  }

  /** Alone and in batches, with and without splits, of each format. */
  @ParameterizedTest
  @CsvSource({"F32, 136", "F32, 1096", "F32, 37", "Q8_0, 1056", "Q4_0, 96", "Q4_0, 1056"})
  void aRowHasTheSameBitsInAnyBatch(DType stored, int k) {
    try (CudaFixture f = fixture(ComputeType.BF16)) {
      int n = 24;
      WeightView view = StoredWeights.of(f.arena, stored, 1, n, k).view();
      WeightView other = StoredWeights.of(f.arena, stored, 2, n, k).view();
      PackedLinear map = f.device.pack(view);
      PackedLinear gated = f.device.packGated(view, other);
      ProductCases.sameBitsInAnyBatch(f, stored.name(), map, gated, new int[] {1, 2, 17, 33, 130});
    }
  }

  /** More rows than sums of splits are held for. */
  @Test
  void splitsOfManyRowsGoInParts() {
    try (CudaFixture f = fixture(ComputeType.BF16)) {
      int k = 1024;
      int n = 8;
      int m = 515;
      assertEquals(2, Quantized.splits(n, k));
      StoredWeights weights = StoredWeights.of(f.arena, DType.Q4_0, 1, n, k);
      PackedLinear map = f.device.pack(weights.view());
      float[] x = f.gaussian(2, m * k);
      Tensor out = f.empty(DType.F32, m, n);
      f.device.linear(f.tensor(f.type, x, k), m, map, out);
      near("many rows", f.read(out, m), Reference.product(x, weights.kept(), m, k, n), 1e-5);
    }
  }

  @Test
  void splitsAreOfTheShape() {
    assertEquals(1, Quantized.splits(24_576, 4096));
    assertEquals(2, Quantized.splits(4096, 12_288));
    assertEquals(8, Quantized.splits(64, 1 << 20));
    assertEquals(1, Quantized.splits(64, 512));
  }

  /** A row of NaN is NaN in the results, a row of zeros zero. */
  @ParameterizedTest
  @EnumSource
  void rowsThatAreNoNumbersShow(ComputeType compute) {
    try (CudaFixture f = fixture(compute)) {
      float[] w = Fixture.gaussian(1, 3 * 64);
      Arrays.fill(w, 64, 128, 0);
      w[130] = Float.NaN;
      PackedLinear map = f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, 3, 64));
      Tensor out = f.empty(DType.F32, 1, 3);
      f.device.linear(f.tensor(f.type, f.gaussian(2, 64), 64), 1, map, out);
      float[] found = f.read(out, 1);
      assertTrue(
          Float.isFinite(found[0]) && found[1] == 0 && Float.isNaN(found[2]),
          Arrays.toString(found));
    }
  }

  /** Every float16 there is as the scale of a group. */
  @Test
  void scalesOfGroupsAreExact() {
    try (CudaFixture f = fixture(ComputeType.BF16)) {
      int n = 1 << 13;
      for (int part = 0; part < 8; part++) {
        int first = part * n;
        WeightView view = StoredWeights.scales(f.arena, first, n);
        PackedLinear map = f.device.pack(view);
        float[] x = new float[32];
        x[5] = 1;
        Tensor out = f.empty(DType.F32, 1, n);
        f.device.linear(f.tensor(f.type, x, 32), 1, map, out);
        float[] found = f.read(out, 1);
        for (int i = 0; i < n; i++) {
          float scale = Float.float16ToFloat((short) (first + i));
          assertTrue(
              found[i] == scale || Float.isNaN(scale) && Float.isNaN(found[i]),
              "scale %04x: %s, not %s".formatted(first + i, found[i], scale));
        }
      }
    }
  }

  /** The head of such weights predicts by its logits. */
  @Test
  void predictionsAreOfTheLogits() {
    try (CudaFixture f = fixture(ComputeType.BF16)) {
      int vocabulary = 300;
      int k = 64;
      PackedLinear head =
          f.device.pack(StoredWeights.of(f.arena, DType.F32, 1, vocabulary, k).view());
      Tensor hidden = f.tensor(f.type, f.gaussian(2, 5 * k), k);
      float[] logits = new float[5 * vocabulary];
      f.device.logits(hidden, 5, head, MemorySegment.ofArray(logits));
      PredictionRows wanted = new PredictionRows();
      for (int i = 0; i < 5; i++) {
        wanted.add(i, Sampling.GREEDY, 1, 0, i);
      }
      Predictions found = new Predictions();
      f.device.predict(hidden, 5, head, wanted, found);
      for (int i = 0; i < 5; i++) {
        int best = 0;
        double sum = 0;
        for (int j = 0; j < vocabulary; j++) {
          best = logits[i * vocabulary + j] > logits[i * vocabulary + best] ? j : best;
        }
        for (int j = 0; j < vocabulary; j++) {
          sum += Math.exp(logits[i * vocabulary + j] - logits[i * vocabulary + best]);
        }
        assertEquals(best, found.token(i));
        assertEquals(1 / sum, found.confidence(i), 1e-5);
      }
    }
  }

  /** Parts that are stored in different ways have the way of floats in common. */
  @Test
  void mixedPartsAreRounded() {
    try (CudaFixture f = fixture(ComputeType.BF16)) {
      int k = 64;
      StoredWeights first = StoredWeights.of(f.arena, DType.Q8_0, 1, 5, k);
      StoredWeights second = StoredWeights.of(f.arena, DType.Q4_0, 2, 11, k);
      PackedLinear map = f.device.pack(first.view(), second.view());
      assertEquals(16 * k + 16 * 4, map.bytes());
      float[] x = f.gaussian(3, 2 * k);
      Tensor out = f.empty(DType.F32, 2, 16);
      f.device.linear(f.tensor(f.type, x, k), 2, map, out);
      double[] expected = Reference.product(x, StoredWeights.together(first, second), 2, k, 16);
      near("mixed", f.read(out, 2), expected, 1e-2);
    }
  }

  /** A byte or half of one for a weight, and the scales. */
  @Test
  void mapsTakeTheBytesOfTheirFormat() {
    try (CudaFixture f = fixture(ComputeType.BF16)) {
      for (DType stored : new DType[] {DType.F32, DType.I8, DType.Q8_0, DType.Q4_0}) {
        PackedLinear map = f.device.pack(StoredWeights.of(f.arena, stored, 1, 64, 256).view());
        long expected =
            switch (stored) {
              case Q8_0 -> 64 * 256 / 32 * 34;
              case Q4_0 -> 64 * 256 / 32 * 18;
              default -> 64 * 256 + 64 * 4;
            };
        assertEquals(expected, map.bytes(), stored.toString());
        f.device.free(map);
      }
    }
  }
}
