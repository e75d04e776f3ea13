/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.anySchedule;
import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Ops that work row by row, against float64. */
class CudaRowOpsTest {
  private static final int[] ROWS = {1, 3, 17};
  private static final int[] WIDTHS = {1, 31, 255, 256, 257};

  @ParameterizedTest
  @EnumSource
  void embeddingsAreCopied(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (DType stored : new DType[] {DType.F32, DType.BF16, DType.F16}) {
        float[] w = Fixture.gaussian(1, 11 * 257, DType.BF16);
        EmbeddingTable table = f.device.table(Fixture.view(f.arena, "table", stored, w, 11, 257));
        int[] tokens = {10, 0, 3, 3, 7};
        Tensor out = f.empty(DType.F32, 5, 257);
        f.device.embed(table, tokens, 5, out);
        float[] found = f.read(out, 5);
        for (int i = 0; i < 5; i++) {
          float[] row = Arrays.copyOfRange(w, tokens[i] * 257, (tokens[i] + 1) * 257);
          for (int j = 0; j < row.length && stored == DType.F16; j++) {
            row[j] = Float.float16ToFloat(Float.floatToFloat16(row[j]));
          }
          assertArrayEquals(row, Arrays.copyOfRange(found, i * 257, (i + 1) * 257));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void normsEqualTheReference(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int width : WIDTHS) {
        float[] weight = Fixture.gaussian(2, width);
        Tensor w = f.device.vector(Fixture.view(f.arena, "w", DType.F32, weight, width));
        for (int rows : ROWS) {
          float[] x = Fixture.gaussian(width + rows, rows * width);
          double[] expected = widen(x);
          for (int r = 0; r < rows; r++) {
            Reference.rmsNorm(expected, r * width, width, weight, 1e-5f);
          }
          String what = compute + " " + rows + " x " + width;
          Tensor in = f.tensor(DType.F32, x, width);
          for (DType type : new DType[] {DType.F32, f.type}) {
            float[] found =
                anySchedule(
                    what,
                    () -> {
                      Tensor out = f.empty(type, rows, width);
                      f.device.rmsNorm(in, rows, w, 1e-5f, out);
                      return f.read(out, rows);
                    });
            near(what, found, expected, type == DType.BF16 ? 4e-3 : 1e-6);
            int[] index = {rows - 1, 0};
            Tensor chosen = f.empty(type, 2, width);
            f.device.rmsNormRows(in, index, 2, w, 1e-5f, chosen);
            float[] two = f.read(chosen, 2);
            for (int i = 0; i < 2; i++) {
              assertArrayEquals(
                  Arrays.copyOfRange(found, index[i] * width, (index[i] + 1) * width),
                  Arrays.copyOfRange(two, i * width, (i + 1) * width),
                  what);
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void headsAreNormalisedAndTurned(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (HeadShape shape :
          new HeadShape[] {
            new HeadShape(6, 2, 24), new HeadShape(4, 4, 64), new HeadShape(7, 1, 96)
          }) {
        int rows = 5;
        int d = shape.headDim();
        float[] x = Fixture.gaussian(d, rows * shape.fusedWidth());
        float[] q = Fixture.gaussian(1, d);
        float[] k = Fixture.gaussian(2, d);
        double[] expected = widen(x);
        for (int r = 0; r < rows; r++) {
          for (int h = 0; h < shape.heads() + shape.kvHeads(); h++) {
            int at = r * shape.fusedWidth() + h * d;
            Reference.rmsNorm(expected, at, d, h < shape.heads() ? q : k, 1e-6f);
          }
        }
        Tensor fused = f.tensor(DType.F32, x, shape.fusedWidth());
        f.device.headNorm(
            fused,
            rows,
            shape,
            f.device.vector(Fixture.view(f.arena, "q", DType.F32, q, d)),
            f.device.vector(Fixture.view(f.arena, "k", DType.F32, k, d)),
            1e-6f);
        near(shape + " norm", f.read(fused, rows), expected, 1e-6);

        int[] positions = {0, 1, 700, 3, 5000};
        for (Rope.Pairing pairing : Rope.Pairing.values()) {
          for (int dims : new int[] {d, d / 2, 0}) {
            Rope rope = new Rope(10_000, dims, pairing);
            double[] turned = widen(x);
            Reference.rotate(turned, rows, shape, rope, positions);
            Tensor in = f.tensor(DType.F32, x, shape.fusedWidth());
            f.device.rotate(in, rows, shape, rope, positions);
            near(shape + " " + rope, f.read(in, rows), turned, 1e-6);
          }
        }
      }
    }
  }

  /** A grid's second dimension ends at 65,535: 16 sequences of 4,096 tokens are more rows. */
  @Test
  void headsOfMoreRowsThanAGridIsHighAreNormalised() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      int rows = 65_536;
      HeadShape shape = new HeadShape(1, 1, 2);
      float[] x = new float[rows * shape.fusedWidth()];
      Arrays.fill(x, 3);
      Tensor fused = f.tensor(DType.F32, x, shape.fusedWidth());
      Tensor ones = f.device.vector(Fixture.view(f.arena, "w", DType.F32, new float[] {1, 1}, 2));
      f.device.headNorm(fused, rows, shape, ones, ones, 0);
      for (int r = 0; r < rows; r++) {
        Arrays.fill(x, r * shape.fusedWidth(), r * shape.fusedWidth() + 4, 1);
      }
      assertArrayEquals(x, f.read(fused, rows), 1e-6f);
    }
  }

  @ParameterizedTest
  @EnumSource
  void biasesAreAdded(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      float[] x = Fixture.gaussian(1, 3 * 300);
      float[] b = Fixture.gaussian(2, 300);
      Tensor t = f.tensor(DType.F32, x, 300);
      f.device.addBias(t, 3, f.device.vector(Fixture.view(f.arena, "b", DType.F32, b, 300)));
      for (int i = 0; i < x.length; i++) {
        x[i] += b[i % 300];
      }
      assertArrayEquals(x, f.read(t, 3));
    }
  }

  private static double[] widen(float[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i];
    }
    return out;
  }
}
