/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;

/** The inner loops in plain Java, for a JVM without the Vector API module. */
final class PlainRowKernels implements RowKernels {
  private static final int PANEL = 16;

  @Override
  public String describe() {
    return "plain Java";
  }

  @Override
  public int panelWidth() {
    return PANEL;
  }

  @Override
  public void multiply(
      float[] a,
      int aAt,
      int lda,
      int rows,
      float[] panel,
      int panelAt,
      int k,
      float[] c,
      int cAt,
      int ldc,
      boolean accumulate) {
    for (int r = 0; r < rows; r++) {
      int out = cAt + r * ldc;
      if (!accumulate) {
        java.util.Arrays.fill(c, out, out + PANEL, 0f);
      }
      int in = aAt + r * lda;
      for (int i = 0; i < k; i++) {
        float x = a[in + i];
        int p = panelAt + i * PANEL;
        for (int j = 0; j < PANEL; j++) {
          c[out + j] = Math.fma(x, panel[p + j], c[out + j]);
        }
      }
    }
  }

  @Override
  public void multiply(
      float[] a,
      int aAt,
      int lda,
      int rows,
      MemorySegment panel,
      long panelAt,
      int panelStride,
      int k,
      float[] c,
      int cAt,
      int ldc,
      boolean accumulate) {
    for (int r = 0; r < rows; r++) {
      int out = cAt + r * ldc;
      if (!accumulate) {
        java.util.Arrays.fill(c, out, out + PANEL, 0f);
      }
      int in = aAt + r * lda;
      for (int i = 0; i < k; i++) {
        float x = a[in + i];
        long p = panelAt + 4L * i * panelStride;
        for (int j = 0; j < PANEL; j++) {
          c[out + j] = Math.fma(x, panel.get(JAVA_FLOAT, p + 4L * j), c[out + j]);
        }
      }
    }
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xAt,
      int n,
      MemorySegment weight,
      float eps,
      MemorySegment out,
      long outAt,
      DType outType) {
    double squares = 0;
    for (int i = 0; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i);
      squares += (double) v * v;
    }
    float inverse = (float) (1 / Math.sqrt(squares / n + eps));
    for (int i = 0; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) * inverse * weight.get(JAVA_FLOAT, 4L * i);
      store(out, outAt, outType, i, v);
    }
  }

  static void store(MemorySegment out, long at, DType type, int i, float v) {
    if (type == DType.BF16) {
      out.set(JAVA_SHORT, at + 2L * i, Bfloat16.of(v));
    } else {
      out.set(JAVA_FLOAT, at + 4L * i, v);
    }
  }

  @Override
  public void rotateHalves(
      MemorySegment x, long xAt, int half, float[] cos, float[] sin, int tableAt) {
    for (int i = 0; i < half; i++) {
      long first = xAt + 4L * i;
      long second = first + 4L * half;
      float a = x.get(JAVA_FLOAT, first);
      float b = x.get(JAVA_FLOAT, second);
      float c = cos[tableAt + i];
      float s = sin[tableAt + i];
      x.set(JAVA_FLOAT, first, a * c - b * s);
      x.set(JAVA_FLOAT, second, b * c + a * s);
    }
  }

  @Override
  public void add(MemorySegment x, long xAt, MemorySegment y, long yAt, int n) {
    for (int i = 0; i < n; i++) {
      long at = xAt + 4L * i;
      x.set(JAVA_FLOAT, at, x.get(JAVA_FLOAT, at) + y.get(JAVA_FLOAT, yAt + 4L * i));
    }
  }

  @Override
  public void gatedSilu(
      MemorySegment gateUp,
      int rows,
      int width,
      MemorySegment out,
      long outAt,
      long outStride,
      DType outType) {
    for (int r = 0; r < rows; r++) {
      long gate = 8L * r * width;
      long up = gate + 4L * width;
      for (int i = 0; i < width; i++) {
        float g = gateUp.get(JAVA_FLOAT, gate + 4L * i);
        float u = gateUp.get(JAVA_FLOAT, up + 4L * i);
        store(out, outAt + r * outStride, outType, i, g / (1 + Exponential.of(-g)) * u);
      }
    }
  }

  @Override
  public void widen(MemorySegment bf16, long at, float[] out, int outAt, int n) {
    for (int i = 0; i < n; i++) {
      out[outAt + i] = Bfloat16.toFloat(bf16.get(JAVA_SHORT, at + 2L * i));
    }
  }

  @Override
  public void narrow(MemorySegment f32, long at, MemorySegment bf16, long outAt, int n) {
    for (int i = 0; i < n; i++) {
      bf16.set(JAVA_SHORT, outAt + 2L * i, Bfloat16.of(f32.get(JAVA_FLOAT, at + 4L * i)));
    }
  }

  @Override
  public void quantize(
      float[] x, int n, MemorySegment out, long outAt, float[] scales, int[] zeroPoints, int row) {
    int high = 0;
    int low = 0;
    for (int i = 0; i < n; i++) {
      int bits = Float.floatToRawIntBits(x[i]);
      high = Math.max(high, bits);
      low = Math.max(low, bits ^ Integer.MIN_VALUE);
    }
    float inverse = RowRounding.range(high, low, scales, zeroPoints, row);
    float shift = RowRounding.ROUND + zeroPoints[row];
    for (int i = 0; i < n; i++) {
      out.set(JAVA_BYTE, outAt + i, RowRounding.of(x[i], inverse, shift));
    }
  }

  @Override
  public void dequantize(
      MemorySegment sums,
      long at,
      int n,
      float scale,
      int zeroPoint,
      int[] columnSums,
      float[] columnScales,
      int column,
      MemorySegment out,
      long outAt,
      boolean add) {
    for (int i = 0; i < n; i++) {
      int exact = sums.get(JAVA_INT, at + 4L * i) - zeroPoint * columnSums[column + i];
      float v = exact * columnScales[column + i] * scale;
      long to = outAt + 4L * i;
      out.set(JAVA_FLOAT, to, add ? out.get(JAVA_FLOAT, to) + v : v);
    }
  }

  @Override
  public void widenBytes(
      MemorySegment bytes, long at, boolean signed, float[] out, int outAt, int n) {
    int mask = signed ? -1 : 0xFF;
    for (int i = 0; i < n; i++) {
      out[outAt + i] = bytes.get(JAVA_BYTE, at + i) & mask;
    }
  }

  @Override
  public void storeWhole(float[] x, int at, int n, MemorySegment sums, long sumsAt, boolean add) {
    for (int i = 0; i < n; i++) {
      long to = sumsAt + 4L * i;
      sums.set(JAVA_INT, to, (int) x[at + i] + (add ? sums.get(JAVA_INT, to) : 0));
    }
  }

  @Override
  public void interleave(
      MemorySegment f32, long at, int n, MemorySegment bf16, long outAt, int half) {
    for (int i = 0; i < n; i++) {
      short v = Bfloat16.of(f32.get(JAVA_FLOAT, at + 4L * i));
      bf16.set(JAVA_SHORT, outAt + 4L * i + 2L * half, v);
    }
  }

  @Override
  public float softmax(float[] scores, int at, int seen, int n, float[] max, int row) {
    float most = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + seen; i++) {
      most = scores[i] > most ? scores[i] : most;
    }
    float sum = 0;
    for (int i = at; i < at + seen; i++) {
      scores[i] = Exponential.of(scores[i] - most);
      sum += scores[i];
    }
    java.util.Arrays.fill(scores, at + seen, at + n, 0f);
    max[row] = most;
    return sum;
  }

  @Override
  public void softmax(
      MemorySegment scores,
      int[] seen,
      int rows,
      int n,
      float scale,
      MemorySegment out,
      float[] max,
      float[] sum) {
    for (int r = 0; r < rows; r++) {
      sum[r] = softmax(scores, 4L * r * n, seen[r], n, scale, out, 2L * r * n, max, r);
    }
  }

  private static float softmax(
      MemorySegment scores,
      long at,
      int seen,
      int n,
      float scale,
      MemorySegment out,
      long outAt,
      float[] max,
      int row) {
    float most = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < seen; i++) {
      float score = scores.get(JAVA_FLOAT, at + 4L * i);
      most = score > most ? score : most;
    }
    float sum = 0;
    for (int i = 0; i < seen; i++) {
      float e = Exponential.of((scores.get(JAVA_FLOAT, at + 4L * i) - most) * scale);
      sum += e;
      out.set(JAVA_SHORT, outAt + 2L * i, Bfloat16.of(e));
    }
    for (int i = seen; i < n; i++) {
      out.set(JAVA_SHORT, outAt + 2L * i, (short) 0);
    }
    max[row] = most * scale;
    return sum;
  }

  @Override
  public void fold(
      MemorySegment x, long xAt, float before, MemorySegment y, long yAt, float now, int n) {
    for (long i = 0; i < 4L * n; i += 4) {
      float v = x.get(JAVA_FLOAT, xAt + i) * before;
      x.set(JAVA_FLOAT, xAt + i, Math.fma(y.get(JAVA_FLOAT, yAt + i), now, v));
    }
  }

  @Override
  public void loadScaled(MemorySegment x, long xAt, int n, float factor, float[] out, int outAt) {
    for (int i = 0; i < n; i++) {
      out[outAt + i] = x.get(JAVA_FLOAT, xAt + 4L * i) * factor;
    }
  }

  @Override
  public void storeScaled(
      MemorySegment x, long at, int n, float factor, MemorySegment out, long outAt, DType outType) {
    for (int i = 0; i < n; i++) {
      store(out, outAt, outType, i, x.get(JAVA_FLOAT, at + 4L * i) * factor);
    }
  }

  @Override
  public void guide(float[] c, float[] u, int n, float strength) {
    for (int i = 0; i < n; i++) {
      c[i] = Math.fma(strength, c[i] - u[i], u[i]);
    }
  }

  @Override
  public void topTwo(float[] x, int n, float[] two) {
    float first = Float.NEGATIVE_INFINITY;
    float second = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      float v = x[i];
      if (v > first) {
        second = first;
        first = v;
      } else if (v > second) {
        second = v;
      }
    }
    two[0] = first;
    two[1] = second;
  }

  @Override
  public void exponentials(
      float[] x, int n, float max, float inverseTemperature, float[] e, double[] sums) {
    double sum = 0;
    double weighted = 0;
    for (int i = 0; i < n; i++) {
      float d = (x[i] - max) * inverseTemperature;
      float v = Exponential.of(d);
      e[i] = v;
      sum += v;
      // exp(−∞)·(−∞) counts as 0, as its limit does.
      weighted += v == 0 ? 0 : v * d;
    }
    sums[0] = sum;
    sums[1] = weighted;
  }

  @Override
  public double entropyFloor(float[] e, int n, double scale) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double p = e[i] * scale;
      sum += p > 0 ? p * Math.log1p(1e-10 / p) : 0;
    }
    return sum;
  }

  @Override
  public double sumAbove(float[] x, float[] e, int n, float threshold) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      if (x[i] > threshold) {
        sum += e[i];
      }
    }
    return sum;
  }

  @Override
  public int countAbove(float[] x, int n, float threshold) {
    int count = 0;
    for (int i = 0; i < n; i++) {
      if (x[i] > threshold) {
        count++;
      }
    }
    return count;
  }
}
