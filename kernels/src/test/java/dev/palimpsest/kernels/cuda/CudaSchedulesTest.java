/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every family of kernels in twenty schedules, one small case of each: always the same bits. */
class CudaSchedulesTest {
  private static final int SCHEDULES = 20;

  private static void same(String what, Supplier<float[]> op) {
    CudaFixture.anySchedule(what, SCHEDULES, op);
  }

  @ParameterizedTest
  @EnumSource
  void rowOpsAndProducts(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int k = 72;
      int n = 40;
      PackedLinear map = f.device.pack(view(f, 1, n, k));
      PackedLinear gated = f.device.packGated(view(f, 2, n, k), view(f, 3, n, k));
      Tensor weight = f.device.vector(Fixture.view(f.arena, "w", DType.F32, f.gaussian(4, k), k));
      Tensor bias = f.device.vector(Fixture.view(f.arena, "b", DType.F32, f.gaussian(5, n), n));
      Tensor x = f.tensor(DType.F32, f.gaussian(6, 3 * k), k);
      same(
          "norm",
          () -> {
            Tensor out = f.empty(f.type, 3, k);
            f.device.rmsNorm(x, 3, weight, 1e-5f, out);
            return f.read(out, 3);
          });
      // The three tiles, by their rows.
      for (int rows : new int[] {3, 40, 130}) {
        Tensor in = f.tensor(f.type, f.gaussian(7, rows * k), k);
        int times = rows > 100 ? 2 : 1;
        same(
            "products of " + rows,
            () -> {
              Tensor out = f.empty(DType.F32, rows, n);
              if (times == 1) {
                f.device.linear(in, rows, map, bias, out);
                f.device.linearAdd(in, rows, map, out);
              } else {
                f.device.linear(in, rows, map, out);
              }
              Tensor act = f.empty(f.type, rows, n);
              f.device.gatedSilu(in, rows, gated, act);
              float[] all = new float[2 * rows * n];
              System.arraycopy(f.read(out, rows), 0, all, 0, rows * n);
              System.arraycopy(f.read(act, rows), 0, all, rows * n, rows * n);
              f.device.free(out);
              f.device.free(act);
              return all;
            });
      }
    }
  }

  /** The three tiles and formats, without splits and with two. */
  @ParameterizedTest
  @EnumSource
  void quantizedProducts(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute, CudaOptions.Weights.INT8)) {
      int n = 24;
      for (DType stored : new DType[] {DType.F32, DType.Q8_0, DType.Q4_0}) {
        int k = stored == DType.Q4_0 && compute == ComputeType.BF16 ? 1056 : 96;
        PackedLinear map = f.device.pack(StoredWeights.of(f.arena, stored, 1, n, k).view());
        PackedLinear gated =
            f.device.packGated(
                StoredWeights.of(f.arena, stored, 2, n, k).view(),
                StoredWeights.of(f.arena, stored, 3, n, k).view());
        for (int rows : new int[] {3, 20, 40}) {
          Tensor in = f.tensor(f.type, f.gaussian(7, rows * k), k);
          same(
              stored + " products of " + rows,
              () -> {
                Tensor out = f.empty(DType.F32, rows, n);
                f.device.linear(in, rows, map, out);
                f.device.linearAdd(in, rows, map, out);
                Tensor act = f.empty(f.type, rows, n);
                f.device.gatedSilu(in, rows, gated, act);
                float[] all = new float[2 * rows * n];
                System.arraycopy(f.read(out, rows), 0, all, 0, rows * n);
                System.arraycopy(f.read(act, rows), 0, all, rows * n, rows * n);
                f.device.free(out);
                f.device.free(act);
                return all;
              });
        }
      }
    }
  }

  private static WeightView view(CudaFixture f, int seed, int n, int k) {
    return Fixture.view(f.arena, "w" + seed, DType.F32, f.gaussian(seed, n * k), n, k);
  }

  @ParameterizedTest
  @EnumSource
  void attentions(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      // Whole and by splits; the last one by wgmma where there is any.
      for (int length : compute == ComputeType.BF16 ? new int[] {66, 257, 34} : new int[] {66}) {
        HeadShape shape = length == 34 ? new HeadShape(4, 1, 64) : new HeadShape(2, 1, 32);
        RowSpans spans = new RowSpans();
        int[] positions = new int[length];
        spans.add(length);
        for (int i = 0; i < length; i++) {
          positions[i] = i;
        }
        float[] x = f.gaussian(8, length * shape.fusedWidth());
        Tensor weights =
            f.device.vector(
                Fixture.view(
                    f.arena, "n", DType.F32, f.gaussian(9, shape.headDim()), shape.headDim()));
        int rows = length;
        same(
            "attention of " + length,
            () -> {
              Tensor fused = f.tensor(DType.F32, x, shape.fusedWidth());
              f.device.headNorm(fused, rows, shape, weights, weights, 1e-5f);
              f.device.rotate(
                  fused,
                  rows,
                  shape,
                  new Rope(1e4, shape.headDim(), Rope.Pairing.HALF_SPLIT),
                  positions);
              Tensor out = f.empty(f.type, rows, shape.queryWidth());
              f.device.attention(fused, shape, spans, new AttentionMask(0), out);
              float[] found = f.read(out, rows);
              f.device.free(fused);
              f.device.free(out);
              return found;
            });
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void predictions(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int vocabulary = 300;
      int k = 16;
      PackedLinear head = f.device.pack(view(f, 10, vocabulary, k));
      Tensor hidden = f.tensor(f.type, f.gaussian(11, 9 * k), k);
      PredictionRows wanted = new PredictionRows();
      for (int i = 0; i < 9; i++) {
        Sampling s =
            new Sampling(i % 3 * 0.7f, i == 8 ? 5 : 0, 1, Sampling.Distribution.FILTERED, i);
        wanted.add(i, i % 4 == 1 ? 0 : -1, 1, s, 3, i, i, i);
      }
      same(
          "predictions",
          () -> {
            Predictions found = new Predictions();
            f.device.predict(hidden, 9, head, wanted, found);
            float[] all = new float[4 * 9];
            for (int i = 0; i < 9; i++) {
              all[4 * i] = found.token(i);
              all[4 * i + 1] = (float) found.confidence(i);
              all[4 * i + 2] = (float) found.margin(i);
              all[4 * i + 3] = (float) found.negativeEntropy(i);
            }
            return all;
          });
    }
  }

  @ParameterizedTest
  @EnumSource
  void latents(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int width = 48;
      RowSpans spans = new RowSpans();
      spans.add(5);
      spans.add(2);
      Tensor x = f.tensor(DType.F32, f.gaussian(12, 7 * width), width);
      Modulation by =
          new Modulation(f.tensor(DType.F32, f.gaussian(13, 4 * width), 2 * width), new int[7]);
      same(
          "conditioning",
          () -> {
            Tensor out = f.empty(f.type, 7, 3 * width);
            f.device.convolutionInput(x, spans, 8, 1e-5f, by, 0, out);
            return f.read(out, 7);
          });
      same(
          "adaptive norm",
          () -> {
            Tensor out = f.empty(f.type, 7, width);
            f.device.adaNorm(x, 7, 1e-5f, by, 0, out);
            return f.read(out, 7);
          });
      Codebook book =
          f.device.codebook(
              Fixture.view(f.arena, "c", DType.F32, f.gaussian(14, 2 * 20 * 24), 40, 24), 2);
      Tensor logits = f.tensor(DType.F32, f.gaussian(15, 4 * 41), 41);
      float[] before = f.gaussian(16, 4 * 2 * width);
      DenoiseRows wanted = new DenoiseRows();
      for (int i = 0; i < 4; i++) {
        wanted.add(
            i,
            i == 2 ? 0 : -1,
            1,
            i * 0.6f,
            3 - i,
            new SolverStep(0.5f, 0.5f, 0.1f, 0.2f),
            7,
            1,
            i);
      }
      same(
          "denoising",
          () -> {
            Tensor state = f.tensor(DType.F32, before, 2 * width);
            f.device.denoise(logits, book, wanted, state, new Denoised());
            return f.read(state, 4);
          });
    }
  }
}
