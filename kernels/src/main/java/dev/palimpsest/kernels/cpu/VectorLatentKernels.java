/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** By the Vector API; what does not fill a vector goes through the same arithmetic one by one. */
final class VectorLatentKernels implements LatentKernels {
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final int L = F.length();
  private static final FloatVector ONE = FloatVector.broadcast(F, 1f);

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
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = s0;
    int i = 0;
    for (; i <= n - 2 * L; i += 2 * L) {
      FloatVector v0 = VectorRowKernels.load(x, xAt + 4L * i);
      FloatVector v1 = VectorRowKernels.load(x, xAt + 4L * (i + L));
      s0 = v0.fma(v0, s0);
      s1 = v1.fma(v1, s1);
    }
    float squares = VectorRowKernels.total(s0.add(s1));
    for (; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i);
      squares = Math.fma(v, v, squares);
    }
    float inverse = (float) (1 / Math.sqrt((double) squares / n + eps));
    for (i = 0; i <= n - L; i += L) {
      FloatVector v =
          VectorRowKernels.load(x, xAt + 4L * i)
              .mul(inverse)
              .fma(
                  VectorRowKernels.load(modulation, scaleAt + 4L * i).add(ONE),
                  VectorRowKernels.load(modulation, shiftAt + 4L * i));
      VectorRowKernels.store(v, out, outAt, outType, i);
    }
    for (; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) * inverse;
      float scale = 1 + modulation.get(JAVA_FLOAT, scaleAt + 4L * i);
      float shift = modulation.get(JAVA_FLOAT, shiftAt + 4L * i);
      VectorRowKernels.store(Math.fma(v, scale, shift), out, outAt, outType, i);
    }
  }

  @Override
  public void normalise(MemorySegment x, long xAt, int n, float eps, float[] y, int yAt) {
    FloatVector sums = FloatVector.zero(F);
    int i = 0;
    for (; i <= n - L; i += L) {
      sums = sums.add(VectorRowKernels.load(x, xAt + 4L * i));
    }
    float sum = VectorRowKernels.total(sums);
    for (; i < n; i++) {
      sum += x.get(JAVA_FLOAT, xAt + 4L * i);
    }
    float mean = sum / n;
    sums = FloatVector.zero(F);
    for (i = 0; i <= n - L; i += L) {
      FloatVector v = VectorRowKernels.load(x, xAt + 4L * i).sub(mean);
      v.intoArray(y, yAt + i);
      sums = v.fma(v, sums);
    }
    float squares = VectorRowKernels.total(sums);
    for (; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) - mean;
      y[yAt + i] = v;
      squares = Math.fma(v, v, squares);
    }
    float inverse = (float) (1 / Math.sqrt((double) squares / n + eps));
    for (i = 0; i <= n - L; i += L) {
      FloatVector.fromArray(F, y, yAt + i).mul(inverse).intoArray(y, yAt + i);
    }
    for (; i < n; i++) {
      y[yAt + i] *= inverse;
    }
  }

  @Override
  public void film(float[] y, int n, MemorySegment modulation, long scaleAt, long shiftAt) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromArray(F, y, i)
          .fma(
              VectorRowKernels.load(modulation, scaleAt + 4L * i).add(ONE),
              VectorRowKernels.load(modulation, shiftAt + 4L * i))
          .intoArray(y, i);
    }
    for (; i < n; i++) {
      float scale = 1 + modulation.get(JAVA_FLOAT, scaleAt + 4L * i);
      y[i] = Math.fma(y[i], scale, modulation.get(JAVA_FLOAT, shiftAt + 4L * i));
    }
  }

  @Override
  public void silu(float[] y, int n, MemorySegment out, long outAt, DType outType) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector v = VectorRowKernels.silu(FloatVector.fromArray(F, y, i));
      VectorRowKernels.store(v, out, outAt, outType, i);
    }
    for (; i < n; i++) {
      VectorRowKernels.store(y[i] / (1 + Exponential.of(-y[i])), out, outAt, outType, i);
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
    int i = 0;
    for (; i <= n - L; i += L) {
      VectorRowKernels.load(gate, gateAt + 4L * i)
          .fma(VectorRowKernels.load(y, yAt + 4L * i), VectorRowKernels.load(x, xAt + 4L * i))
          .intoMemorySegment(x, xAt + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      float g = gate.get(JAVA_FLOAT, gateAt + 4L * i);
      float v = y.get(JAVA_FLOAT, yAt + 4L * i);
      x.set(JAVA_FLOAT, xAt + 4L * i, Math.fma(g, v, x.get(JAVA_FLOAT, xAt + 4L * i)));
    }
  }

  @Override
  public void tap(
      float[] y, int n, MemorySegment taps, long tapsAt, MemorySegment x, long xAt, boolean first) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector t = VectorRowKernels.load(taps, tapsAt + 4L * i);
      FloatVector v = VectorRowKernels.load(x, xAt + 4L * i);
      FloatVector sum = first ? t.mul(v) : t.fma(v, FloatVector.fromArray(F, y, i));
      sum.intoArray(y, i);
    }
    for (; i < n; i++) {
      float t = taps.get(JAVA_FLOAT, tapsAt + 4L * i);
      float v = x.get(JAVA_FLOAT, xAt + 4L * i);
      y[i] = first ? t * v : Math.fma(t, v, y[i]);
    }
  }

  @Override
  public void store(float[] y, int n, MemorySegment out, long outAt, DType outType) {
    int i = 0;
    for (; i <= n - L; i += L) {
      VectorRowKernels.store(FloatVector.fromArray(F, y, i), out, outAt, outType, i);
    }
    for (; i < n; i++) {
      VectorRowKernels.store(y[i], out, outAt, outType, i);
    }
  }
}
