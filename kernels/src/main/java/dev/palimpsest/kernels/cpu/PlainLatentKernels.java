/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;

/** In plain Java, for a JVM without the Vector API module. */
final class PlainLatentKernels implements LatentKernels {
  @Override
  public void adaNorm(
      MemorySegment x,
      long xAt,
      int n,
      float eps,
      MemorySegment modulation,
      long scaleAt,
      long shiftAt,
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
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) * inverse;
      float scale = 1 + modulation.get(JAVA_FLOAT, scaleAt + 4L * i);
      float shift = modulation.get(JAVA_FLOAT, shiftAt + 4L * i);
      PlainRowKernels.store(out, outAt, outType, i, Math.fma(v, scale, shift));
    }
  }

  @Override
  public void normalise(MemorySegment x, long xAt, int n, float eps, float[] y, int yAt) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += x.get(JAVA_FLOAT, xAt + 4L * i);
    }
    float mean = (float) (sum / n);
    double squares = 0;
    for (int i = 0; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) - mean;
      y[yAt + i] = v;
      squares += (double) v * v;
    }
    float inverse = (float) (1 / Math.sqrt(squares / n + eps));
    for (int i = 0; i < n; i++) {
      y[yAt + i] *= inverse;
    }
  }

  @Override
  public void film(float[] y, int n, MemorySegment modulation, long scaleAt, long shiftAt) {
    for (int i = 0; i < n; i++) {
      float scale = 1 + modulation.get(JAVA_FLOAT, scaleAt + 4L * i);
      y[i] = Math.fma(y[i], scale, modulation.get(JAVA_FLOAT, shiftAt + 4L * i));
    }
  }

  @Override
  public void silu(float[] y, int n, MemorySegment out, long outAt, DType outType) {
    for (int i = 0; i < n; i++) {
      PlainRowKernels.store(out, outAt, outType, i, y[i] / (1 + Exponential.of(-y[i])));
    }
  }

  @Override
  public void addScaled(
      MemorySegment x,
      long xAt,
      MemorySegment gate,
      long gateAt,
      MemorySegment y,
      long yAt,
      int n) {
    for (long i = 0; i < 4L * n; i += 4) {
      float g = gate.get(JAVA_FLOAT, gateAt + i);
      float v = y.get(JAVA_FLOAT, yAt + i);
      x.set(JAVA_FLOAT, xAt + i, Math.fma(g, v, x.get(JAVA_FLOAT, xAt + i)));
    }
  }

  @Override
  public void tap(
      float[] y, int n, MemorySegment taps, long tapsAt, MemorySegment x, long xAt, boolean first) {
    for (int i = 0; i < n; i++) {
      float t = taps.get(JAVA_FLOAT, tapsAt + 4L * i);
      float v = x.get(JAVA_FLOAT, xAt + 4L * i);
      y[i] = first ? t * v : Math.fma(t, v, y[i]);
    }
  }

  @Override
  public void store(float[] y, int n, MemorySegment out, long outAt, DType outType) {
    for (int i = 0; i < n; i++) {
      PlainRowKernels.store(out, outAt, outType, i, y[i]);
    }
  }
}
