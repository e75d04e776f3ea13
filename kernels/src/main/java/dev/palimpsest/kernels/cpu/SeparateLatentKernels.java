/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** {@link VectorLatentKernels}, each {@link CompiledAlone}. */
final class SeparateLatentKernels implements LatentKernels {
  // Not final, so that no compiler takes them for constants.
  private static MethodHandle adaNorm = kernel("adaNorm", 10);
  private static MethodHandle normalise = kernel("normalise", 6);
  private static MethodHandle film = kernel("film", 5);
  private static MethodHandle silu = kernel("silu", 5);
  private static MethodHandle addScaled = kernel("addScaled", 7);
  private static MethodHandle tap = kernel("tap", 7);
  private static MethodHandle store = kernel("store", 5);

  private final VectorLatentKernels kernels;

  SeparateLatentKernels(VectorLatentKernels kernels) {
    this.kernels = kernels;
  }

  private static MethodHandle kernel(String name, int parameters) {
    return CompiledAlone.method(
        MethodHandles.lookup(), VectorLatentKernels.class, name, parameters);
  }

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
    try {
      adaNorm.invokeExact(
          kernels, x, xAt, n, eps, modulation, scaleAt, shiftAt, out, outAt, outType);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void normalise(MemorySegment x, long xAt, int n, float eps, float[] y, int yAt) {
    try {
      normalise.invokeExact(kernels, x, xAt, n, eps, y, yAt);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void film(float[] y, int n, MemorySegment modulation, long scaleAt, long shiftAt) {
    try {
      film.invokeExact(kernels, y, n, modulation, scaleAt, shiftAt);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void silu(float[] y, int n, MemorySegment out, long outAt, DType outType) {
    try {
      silu.invokeExact(kernels, y, n, out, outAt, outType);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
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
    try {
      addScaled.invokeExact(kernels, x, xAt, gate, gateAt, y, yAt, n);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void tap(
      float[] y, int n, MemorySegment taps, long tapsAt, MemorySegment x, long xAt, boolean first) {
    try {
      tap.invokeExact(kernels, y, n, taps, tapsAt, x, xAt, first);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }

  @Override
  public void store(float[] y, int n, MemorySegment out, long outAt, DType outType) {
    try {
      store.invokeExact(kernels, y, n, out, outAt, outType);
    } catch (Throwable e) {
      throw CompiledAlone.unchecked(e);
    }
  }
}
