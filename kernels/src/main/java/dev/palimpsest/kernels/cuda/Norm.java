/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Tensor;

/** Launches of {@code norm.cu}. */
final class Norm {
  /** {@code NormShared}. */
  private static final int SHARED = 4 * 32;

  private static final int HEADS_PER_BLOCK = 4;

  private final Kernel f32;
  private final Kernel bf16;
  private final Kernel heads;

  Norm(Modules modules) {
    f32 = rows(modules, "rms_norm_f32");
    bf16 = rows(modules, "rms_norm_bf16");
    heads =
        modules.kernel(
            "norm",
            "head_norm",
            32 * HEADS_PER_BLOCK,
            0,
            "fused*",
            "queryWeight*",
            "keyWeight*",
            "queryHeads",
            "turned",
            "headDim",
            "fusedWidth",
            "eps_f");
  }

  private static Kernel rows(Modules modules, String name) {
    return modules.kernel(
        "norm", name, 256, SHARED, "x*", "index*", "weight*", "out*", "width", "eps_f");
  }

  /**
   * @param index device address of the rows of x to take, or 0 for the first {@code rows}
   */
  void rows(Tensor x, long index, int rows, Tensor weight, float eps, Tensor out) {
    (out.dtype() == DType.BF16 ? bf16 : f32)
        .set(0, x.memory())
        .set(1, index)
        .set(2, weight.memory())
        .set(3, out.memory())
        .set(4, x.width())
        .set(5, eps)
        .launch(rows);
  }

  void heads(Tensor fused, int rows, HeadShape shape, Tensor queries, Tensor keys, float eps) {
    int turned = shape.heads() + shape.kvHeads();
    heads
        .set(0, fused.memory())
        .set(1, queries.memory())
        .set(2, keys.memory())
        .set(3, shape.heads())
        .set(4, turned)
        .set(5, shape.headDim())
        .set(6, shape.fusedWidth())
        .set(7, eps)
        .launch(rows, (turned + HEADS_PER_BLOCK - 1) / HEADS_PER_BLOCK);
  }
}
