/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * {@link VectorRowKernels}, the larger of them {@link CompiledAlone}. The others are free of
 * helpers that take or give vectors, so that the compiler may inline them wherever it likes.
 */
final class SeparateRowKernels implements RowKernels {
  // Not final, so that no compiler takes them for constants.
  private static MethodHandle multiply = kernel("multiply", 11);
  private static MethodHandle multiplyNative = kernel("multiply", 12);
  private static MethodHandle rmsNorm = kernel("rmsNorm", 8);
  private static MethodHandle gatedSilu = kernel("gatedSilu", 7);
  private static MethodHandle narrow = kernel("narrow", 5);
  private static MethodHandle interleave = kernel("interleave", 6);
  private static MethodHandle quantize = kernel("quantize", 7);
  private static MethodHandle dequantize = kernel("dequantize", 11);
  private static MethodHandle softmax = kernel("softmax", 6);
  private static MethodHandle softmaxNative = kernel("softmax", 8);
  private static MethodHandle storeScaled = kernel("storeScaled", 7);

  private final VectorRowKernels kernels;

  SeparateRowKernels(VectorRowKernels kernels) {
    this.kernels = kernels;
  }

  private static MethodHandle kernel(String name, int parameters) {
    return CompiledAlone.method(MethodHandles.lookup(), VectorRowKernels.class, name, parameters);
  }

  @Override
  public String describe() {
    return kernels.describe();
  }

  @Override
  public int panelWidth() {
    return kernels.panelWidth();
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
    try {
      multiply.invokeExact(kernels, a, aAt, lda, rows, panel, panelAt, k, c, cAt, ldc, accumulate);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
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
    try {
      multiplyNative.invokeExact(
          kernels, a, aAt, lda, rows, panel, panelAt, panelStride, k, c, cAt, ldc, accumulate);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
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
    try {
      rmsNorm.invokeExact(kernels, x, xAt, n, weight, eps, out, outAt, outType);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void rotateHalves(
      MemorySegment x, long xAt, int half, float[] cos, float[] sin, int tableAt) {
    kernels.rotateHalves(x, xAt, half, cos, sin, tableAt);
  }

  @Override
  public void add(MemorySegment x, long xAt, MemorySegment y, long yAt, int n) {
    kernels.add(x, xAt, y, yAt, n);
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
    try {
      gatedSilu.invokeExact(kernels, gateUp, rows, width, out, outAt, outStride, outType);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void widen(MemorySegment bf16, long at, float[] out, int outAt, int n) {
    kernels.widen(bf16, at, out, outAt, n);
  }

  @Override
  public void narrow(MemorySegment f32, long at, MemorySegment bf16, long outAt, int n) {
    try {
      narrow.invokeExact(kernels, f32, at, bf16, outAt, n);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void interleave(
      MemorySegment f32, long at, int n, MemorySegment bf16, long outAt, int half) {
    try {
      interleave.invokeExact(kernels, f32, at, n, bf16, outAt, half);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void quantize(
      float[] x, int n, MemorySegment out, long outAt, float[] scales, int[] zeroPoints, int row) {
    try {
      quantize.invokeExact(kernels, x, n, out, outAt, scales, zeroPoints, row);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
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
    try {
      dequantize.invokeExact(
          kernels,
          sums,
          at,
          n,
          scale,
          zeroPoint,
          columnSums,
          columnScales,
          column,
          out,
          outAt,
          add);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void widenBytes(
      MemorySegment bytes, long at, boolean signed, float[] out, int outAt, int n) {
    kernels.widenBytes(bytes, at, signed, out, outAt, n);
  }

  @Override
  public void storeWhole(float[] x, int at, int n, MemorySegment sums, long sumsAt, boolean add) {
    kernels.storeWhole(x, at, n, sums, sumsAt, add);
  }

  @Override
  public float softmax(float[] scores, int at, int seen, int n, float[] max, int row) {
    try {
      return (float) softmax.invokeExact(kernels, scores, at, seen, n, max, row);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
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
    try {
      softmaxNative.invokeExact(kernels, scores, seen, rows, n, scale, out, max, sum);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void fold(
      MemorySegment x, long xAt, float before, MemorySegment y, long yAt, float now, int n) {
    kernels.fold(x, xAt, before, y, yAt, now, n);
  }

  @Override
  public void loadScaled(MemorySegment x, long xAt, int n, float factor, float[] out, int outAt) {
    kernels.loadScaled(x, xAt, n, factor, out, outAt);
  }

  @Override
  public void storeScaled(
      MemorySegment x, long at, int n, float factor, MemorySegment out, long outAt, DType outType) {
    try {
      storeScaled.invokeExact(kernels, x, at, n, factor, out, outAt, outType);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void guide(float[] c, float[] u, int n, float strength) {
    kernels.guide(c, u, n, strength);
  }

  @Override
  public void topTwo(float[] x, int n, float[] two) {
    kernels.topTwo(x, n, two);
  }

  @Override
  public void exponentials(
      float[] x, int n, float max, float inverseTemperature, float[] e, double[] sums) {
    kernels.exponentials(x, n, max, inverseTemperature, e, sums);
  }

  @Override
  public double entropyFloor(float[] e, int n, double scale) {
    return kernels.entropyFloor(e, n, scale);
  }

  @Override
  public double sumAbove(float[] x, float[] e, int n, float threshold) {
    return kernels.sumAbove(x, e, n, threshold);
  }

  @Override
  public int countAbove(float[] x, int n, float threshold) {
    return kernels.countAbove(x, n, threshold);
  }
}
