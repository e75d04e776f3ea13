/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Who multiplies matrices. One provider is chosen when a device opens. Calls come from one thread
 * at a time; providers spread tiles over the device's team, and a row's result never depends on the
 * other rows or on the number of threads.
 */
interface Gemm extends AutoCloseable {
  /** What becomes of the products. */
  enum Mode {
    /** {@code out = x·Wᵀ (+ bias)}, f32 */
    STORE,
    /** {@code out += x·Wᵀ}, f32 */
    ADD,
    /** {@code out = silu(x·Gᵀ)·(x·Uᵀ)} in the compute type; for gated maps only */
    GATED
  }

  /** For people and logs, e.g. {@code bf16 by oneDNN 3.13 (avx512_core_bf16)}. */
  String describe();

  /** oneDNN, if that is who multiplies. */
  default Optional<DnnlEngine> engine() {
    return Optional.empty();
  }

  /** What inputs and weights are read as. */
  DType computeType();

  /**
   * Packs projections {@code [out_i, in]} side by side, or a gate and an up projection.
   *
   * @param parts checked: two dimensions, equal {@code in}, readable dtypes
   */
  CpuLinear pack(List<WeightView> parts, boolean gated);

  /**
   * Multiplies.
   *
   * @param x {@code [rows][in]} of the compute type
   * @param bias f32 {@code [out]} or {@link MemorySegment#NULL}; with {@link Mode#STORE} only
   * @param out {@code [rows][out]}
   */
  void multiply(
      MemorySegment x,
      int rows,
      CpuLinear weights,
      Mode mode,
      MemorySegment bias,
      MemorySegment out);

  @Override
  void close();
}
