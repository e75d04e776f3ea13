/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.anySchedule;
import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import java.util.EnumSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Half resolution and back, and gathered rows, against float64. */
class CudaResamplingTest {
  private static RowSpans spans(int... lengths) {
    RowSpans spans = new RowSpans();
    for (int length : lengths) {
      spans.add(length);
    }
    return spans;
  }

  @ParameterizedTest
  @EnumSource
  void halfResolutionAndBack(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int[] lengths : new int[][] {{1}, {2}, {3, 1, 2}, {11, 1, 8}}) {
        for (int width : new int[] {1, 17, 300}) {
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
          Tensor in = f.tensor(DType.F32, x, width);
          Tensor taps = f.device.vector(Fixture.view(f.arena, "t", DType.F32, t, 4, width));
          String what = f.type + Arrays.toString(lengths) + " width " + width;
          float[] found =
              anySchedule(
                  what,
                  () -> {
                    Tensor out = f.empty(f.type, half.rows(), width);
                    f.device.downsample(in, spans, taps, half, out);
                    return f.read(out, half.rows());
                  });
          near(what, found, down, f.type == DType.BF16 ? 4e-3 : 1e-6);

          float[] h = Fixture.gaussian(4, half.rows() * width);
          Tensor gate = f.device.vector(Fixture.view(f.arena, "g", DType.F32, g, width));
          f.device.upsampleAdd(f.tensor(DType.F32, h, width), half, gate, spans, in);
          float[] up = f.read(in, spans.rows());
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
              f.device.downsample(
                  f.device.allocate(DType.F32, 8, 4),
                  spans(8),
                  f.device.allocate(DType.F32, 1, 16),
                  spans(5),
                  f.device.allocate(f.type, 8, 4)));
    }
  }

  @ParameterizedTest
  @EnumSource
  void rowsAreGatheredAndZerosPutWhereThereIsNone(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int width = 37;
      float[] x = Fixture.gaussian(1, 9 * width, DType.BF16);
      Tensor in = f.tensor(DType.F32, x, width);
      int[] index = {8, -1, 0, 3, 3};
      for (DType type : EnumSet.of(DType.F32, f.type)) {
        Tensor out = f.empty(type, 5, width);
        f.device.gather(in, index, 5, out);
        float[] found = f.read(out, 5);
        for (int i = 0; i < found.length; i++) {
          int row = index[i / width];
          assertEquals(row < 0 ? 0f : x[row * width + i % width], found[i]);
        }
      }
    }
  }
}
