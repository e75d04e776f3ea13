/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Norms, rotations and attention against float64, with and without the Vector API. */
class RowOpsTest {
  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  private static double[] doubles(float[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i];
    }
    return out;
  }

  private static void check(String what, Tensor out, int rows, double[] expected, double f32) {
    double error = Reference.relativeError(Fixture.read(out, rows), expected);
    double tolerance = out.dtype() == DType.BF16 ? 4e-3 : f32;
    assertTrue(error <= tolerance, what + ": relative error " + error + " > " + tolerance);
    assertTrue(Fixture.guarded(out, rows), what + ": wrote behind its rows");
  }

  @ParameterizedTest
  @MethodSource("devices")
  void norms(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      for (int width : new int[] {1, 15, 16, 17, 64, 97, 1024}) {
        float[] w = Fixture.gaussian(1, width);
        Tensor weight = device.vector(Fixture.view(arena, "w", DType.F32, w, width));
        for (int rows : new int[] {1, 2, 61}) {
          float[] x = Fixture.gaussian(rows, rows * width);
          double[] expected = doubles(x);
          for (int r = 0; r < rows; r++) {
            Reference.rmsNorm(expected, r * width, width, w, 1e-5f);
          }
          Tensor in = Fixture.tensor(device, DType.F32, x, width, 2);
          for (DType type : List.of(DType.F32, device.computeType())) {
            Tensor out = Fixture.empty(device, type, rows, width, 2);
            device.rmsNorm(in, rows, weight, 1e-5f, out);
            check(options + " width " + width, out, rows, expected, 1e-6 * Math.sqrt(width));

            int[] index = {rows - 1, 0};
            Tensor chosen = Fixture.empty(device, type, 2, width, 2);
            device.rmsNormRows(in, index, 2, weight, 1e-5f, chosen);
            float[] all = Fixture.read(out, rows);
            float[] two = Fixture.read(chosen, 2);
            for (int i = 0; i < 2 * width; i++) {
              assertEquals(all[index[i / width] * width + i % width], two[i]);
            }
            assertTrue(Fixture.guarded(chosen, 2));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void headNormsAndRotations(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      for (HeadShape shape :
          List.of(new HeadShape(2, 2, 64), new HeadShape(6, 2, 16), new HeadShape(3, 1, 40))) {
        int d = shape.headDim();
        float[] qw = Fixture.gaussian(1, d);
        float[] kw = Fixture.gaussian(2, d);
        Tensor q = device.vector(Fixture.view(arena, "q", DType.F32, qw, d));
        Tensor k = device.vector(Fixture.view(arena, "k", DType.F32, kw, d));
        int rows = 37;
        int[] positions = new int[rows];
        for (int i = 0; i < rows; i++) {
          positions[i] = i * 131 % 2000;
        }
        float[] x = Fixture.gaussian(3, rows * shape.fusedWidth());
        double[] expected = doubles(x);
        for (int r = 0; r < rows; r++) {
          for (int h = 0; h < shape.heads() + shape.kvHeads(); h++) {
            int at = r * shape.fusedWidth() + h * d;
            Reference.rmsNorm(expected, at, d, h < shape.heads() ? qw : kw, 1e-6f);
          }
        }
        Tensor fused = Fixture.tensor(device, DType.F32, x, shape.fusedWidth(), 2);
        device.headNorm(fused, rows, shape, q, k, 1e-6f);
        check(options + " headNorm " + shape, fused, rows, expected, 2e-6);
        for (Rope.Pairing pairing : Rope.Pairing.values()) {
          for (int dims : new int[] {d, d / 2, 0}) {
            Rope rope = new Rope(500_000, dims, pairing);
            double[] turned = doubles(Fixture.read(fused, rows));
            Reference.rotate(turned, rows, shape, rope, positions);
            device.rotate(fused, rows, shape, rope, positions);
            check(options + " " + rope + " " + shape, fused, rows, turned, 1e-6);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void biasIsAdded(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      int width = 83;
      float[] b = Fixture.gaussian(1, width);
      float[] x = Fixture.gaussian(2, 5 * width);
      Tensor in = Fixture.tensor(device, DType.F32, x, width, 2);
      device.addBias(in, 5, device.vector(Fixture.view(arena, "b", DType.F32, b, width)));
      float[] found = Fixture.read(in, 5);
      for (int i = 0; i < found.length; i++) {
        assertEquals(x[i] + b[i % width], found[i]);
      }
      assertTrue(Fixture.guarded(in, 5));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void attentionWithinEachSequence(CpuOptions options) {
    int[][] batches = {{1}, {3, 1, 64}, {65, 7}, {200, 129, 5}};
    try (CpuDevice device = CpuDevice.open(options)) {
      for (HeadShape shape :
          List.of(
              new HeadShape(2, 2, 64),
              new HeadShape(4, 2, 16),
              new HeadShape(7, 1, 40),
              new HeadShape(2, 1, 96),
              new HeadShape(1, 1, 3))) {
        for (int[] lengths : batches) {
          RowSpans spans = new RowSpans();
          for (int length : lengths) {
            spans.add(length);
          }
          int rows = spans.rows();
          // As the device reads them: attention may multiply in the compute type.
          float[] x = Fixture.gaussian(rows, rows * shape.fusedWidth(), device.computeType());
          for (AttentionMask mask :
              List.of(
                  AttentionMask.FULL,
                  new AttentionMask(1),
                  new AttentionMask(4),
                  new AttentionMask(32),
                  new AttentionMask(1000))) {
            double[] expected = new double[rows * shape.queryWidth()];
            for (int s = 0; s < lengths.length; s++) {
              Reference.attention(x, spans.start(s), lengths[s], shape, mask, expected);
            }
            Tensor fused = Fixture.tensor(device, DType.F32, x, shape.fusedWidth(), 1);
            Tensor out = Fixture.empty(device, device.computeType(), rows, shape.queryWidth(), 1);
            device.attention(fused, shape, spans, mask, out);
            check(
                options + " " + shape + " " + mask + " " + Arrays.toString(lengths),
                out,
                rows,
                expected,
                2e-6);
            device.free(fused);
            device.free(out);
          }
        }
      }
    }
  }

  @Test
  void scoresTooLargeForExpStillGiveASoftmax() {
    HeadShape shape = new HeadShape(1, 1, 16);
    for (CpuOptions.Vector vector : CpuOptions.Vector.values()) {
      try (CpuDevice device =
          CpuDevice.open(
              CpuOptions.DEFAULT.withComputeType(CpuOptions.ComputeType.F32).withVector(vector))) {
        int rows = 150;
        float[] x = Fixture.gaussian(1, rows * shape.fusedWidth());
        for (int i = 0; i < x.length; i++) {
          x[i] *= 30;
        }
        RowSpans spans = new RowSpans();
        spans.add(rows);
        double[] expected = new double[rows * 16];
        Reference.attention(x, 0, rows, shape, AttentionMask.FULL, expected);
        Tensor fused = Fixture.tensor(device, DType.F32, x, shape.fusedWidth(), 0);
        Tensor out = Fixture.empty(device, DType.F32, rows, 16, 0);
        device.attention(fused, shape, spans, AttentionMask.FULL, out);
        check("large scores", out, rows, expected, 1e-4);
      }
    }
  }

  /** The bits of a sequence's rows, alone and among others, with one thread and with more. */
  @ParameterizedTest
  @MethodSource("devices")
  void aSequenceHasTheSameBitsInAnyBatchAndTeam(CpuOptions options) {
    HeadShape shape = new HeadShape(4, 2, 24);
    Rope rope = new Rope(10_000, 24, Rope.Pairing.HALF_SPLIT);
    int length = 141;
    int width = shape.fusedWidth();
    float[] probe = Fixture.gaussian(5, length * width);
    for (AttentionMask mask : List.of(AttentionMask.FULL, new AttentionMask(32))) {
      float[] first = null;
      for (int threads : new int[] {1, 2, 3}) {
        try (CpuDevice device = CpuDevice.open(options.withThreads(threads))) {
          for (int[] others : new int[][] {{}, {1}, {130, 77}, {64, 64, 3}}) {
            RowSpans spans = new RowSpans();
            for (int n : others) {
              spans.add(n);
            }
            int at = spans.add(length);
            spans.add(9);
            int rows = spans.rows();
            float[] x = Fixture.gaussian(rows, rows * width);
            System.arraycopy(probe, 0, x, at * width, probe.length);
            int[] positions = new int[rows];
            for (int s = 0; s < spans.sequences(); s++) {
              for (int i = 0; i < spans.length(s); i++) {
                positions[spans.start(s) + i] = i;
              }
            }
            Tensor fused = Fixture.tensor(device, DType.F32, x, width, 0);
            device.rotate(fused, rows, shape, rope, positions);
            Tensor out = Fixture.empty(device, device.computeType(), rows, shape.queryWidth(), 0);
            device.attention(fused, shape, spans, mask, out);
            int from = at * shape.queryWidth();
            float[] found =
                Arrays.copyOfRange(
                    Fixture.read(out, rows), from, from + length * shape.queryWidth());
            first = first == null ? found : first;
            assertTrue(
                Arrays.equals(first, found),
                options + " " + mask + " threads " + threads + " " + Arrays.toString(others));
          }
        }
      }
    }
  }

  @Test
  void exponentialsAreAccurateInBothImplementations() {
    RowKernels[] both = {new PlainRowKernels(), new VectorRowKernels()};
    int n = 200_003;
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = -i * (86f / n);
    }
    for (RowKernels kernels : both) {
      float[] e = new float[n];
      double[] sums = new double[2];
      kernels.exponentials(x, n, 0, 1, e, sums);
      double worst = 0;
      double sum = 0;
      double weighted = 0;
      for (int i = 0; i < n; i++) {
        double exact = Math.exp(x[i]);
        worst = Math.max(worst, Math.abs(e[i] - exact) / exact);
        sum += exact;
        weighted += exact * x[i];
      }
      assertTrue(worst < 2e-7, kernels.describe() + ": " + worst);
      assertEquals(1f, e[0]);
      assertEquals(1, sums[0] / sum, 1e-7);
      assertEquals(1, sums[1] / weighted, 1e-7);
      float[] edge = {Float.NEGATIVE_INFINITY, -1000, -88, Float.NaN};
      kernels.exponentials(Arrays.copyOf(edge, 40), 3, 0, 1, e, sums);
      assertEquals(0f, e[0]);
      assertEquals(0f, e[1]);
      assertEquals(0.0, sums[0]);
      assertEquals(0.0, sums[1]);
      float[] line = new float[64];
      System.arraycopy(edge, 0, line, 0, 4);
      kernels.exponentials(line, 64, 0, 1, e, sums);
      assertTrue(Double.isNaN(sums[0]), kernels.describe());
      assertEquals(0f, e[0]);
    }
  }

  /** The interpreter and the compiler must add up in the same order. */
  @Test
  void compiledLoopsGiveTheBitsOfInterpretedOnes() {
    int n = 1003;
    float[] x = Fixture.gaussian(1, n);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocateFrom(ValueLayout.JAVA_FLOAT, x);
      MemorySegment weight = arena.allocateFrom(ValueLayout.JAVA_FLOAT, Fixture.gaussian(2, n));
      MemorySegment out = arena.allocate(4 * n, 64);
      for (RowKernels kernels : new RowKernels[] {new PlainRowKernels(), new VectorRowKernels()}) {
        float[] firstNorm = null;
        double[] firstSums = null;
        for (int call = 0; call < 20_000; call++) {
          kernels.rmsNorm(in, 0, n, weight, 1e-5f, out, 0, DType.F32);
          float[] e = new float[n];
          double[] sums = new double[4];
          kernels.exponentials(x, n, 3, 1, e, sums);
          sums[2] = kernels.entropyFloor(e, n, 1 / sums[0]);
          sums[3] = kernels.sumAbove(x, e, n, 0.25f);
          float[] norm = out.toArray(ValueLayout.JAVA_FLOAT);
          if (firstNorm == null) {
            firstNorm = norm;
            firstSums = sums;
          }
          assertTrue(Arrays.equals(firstNorm, norm), kernels.describe() + " norm, call " + call);
          assertTrue(Arrays.equals(firstSums, sums), kernels.describe() + " sums, call " + call);
        }
      }
    }
  }
}
