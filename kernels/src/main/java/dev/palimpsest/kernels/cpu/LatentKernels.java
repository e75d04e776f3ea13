/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;

/**
 * The inner loops that latent diffusion has beside {@link RowKernels}; with and without the Vector
 * API. Offsets into segments are in bytes. Nothing here checks shapes: the ops have.
 */
interface LatentKernels {
  /**
   * {@code out = x / sqrt(mean(x²) + eps)·(1 + scale) + shift}.
   *
   * @param out f32 or bf16, may be {@code x}
   */
  void adaNorm(
      MemorySegment x,
      long xAt,
      int n,
      float eps,
      MemorySegment modulation,
      long scaleAt,
      long shiftAt,
      MemorySegment out,
      long outAt,
      DType outType);

  /**
   * {@code y = (x − mean)/sqrt(variance + eps)} of one group of channels.
   *
   * @param yAt element of {@code y}
   */
  void normalise(MemorySegment x, long xAt, int n, float eps, float[] y, int yAt);

  /** {@code y = y·(1 + scale) + shift}. */
  void film(float[] y, int n, MemorySegment modulation, long scaleAt, long shiftAt);

  /**
   * {@code out = silu(y)}.
   *
   * @param out f32 or bf16
   */
  void silu(float[] y, int n, MemorySegment out, long outAt, DType outType);

  /** {@code x += gate·y}, fused; f32. */
  void addScaled(
      MemorySegment x, long xAt, MemorySegment gate, long gateAt, MemorySegment y, long yAt, int n);

  /**
   * {@code y = taps·x}, element by element, or {@code y += taps·x}, fused.
   *
   * @param first whether y is set rather than added to
   */
  void tap(
      float[] y, int n, MemorySegment taps, long tapsAt, MemorySegment x, long xAt, boolean first);

  /** {@code out = y}; {@code out} f32 or bf16. */
  void store(float[] y, int n, MemorySegment out, long outAt, DType outType);
}
