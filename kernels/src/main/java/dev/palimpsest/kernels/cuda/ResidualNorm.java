/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Launches of {@code residual_norm.cu}. */
final class ResidualNorm {
  /** {@code NormShared}. */
  private static final int SHARED = 4 * 32;

  /** Elements of a row that a block keeps. */
  private static final int KEPT = 8192;

  private final Kernel f32;
  private final Kernel bf16;

  ResidualNorm(Modules modules) {
    f32 = kernel(modules, "residual_norm_f32");
    bf16 = kernel(modules, "residual_norm_bf16");
  }

  private static Kernel kernel(Modules modules, String name) {
    return modules.kernel(
        "residual_norm",
        name,
        256,
        shared(KEPT),
        "x*",
        "y*",
        "bias*",
        "weight*",
        "out*",
        "width",
        "eps_f");
  }

  private static int shared(int width) {
    return SHARED + 4 * Math.min(width, KEPT);
  }

  /**
   * {@code x = (x + y) + bias}, {@code out = norm(x)}, row by row.
   *
   * @param y rows as wide as x's, or {@link MemorySegment#NULL}
   * @param bias one row, or {@link MemorySegment#NULL}
   */
  void run(
      Tensor x,
      int rows,
      MemorySegment y,
      MemorySegment bias,
      Tensor weight,
      float eps,
      Tensor out) {
    (out.dtype() == DType.BF16 ? bf16 : f32)
        .set(0, x.memory())
        .set(1, y)
        .set(2, bias)
        .set(3, weight.memory())
        .set(4, out.memory())
        .set(5, x.width())
        .set(6, eps)
        .launch(rows, 1, 1, shared(x.width()));
  }
}
