/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.Tensor;

/** Launches of {@code attention_plain.cu}. */
final class Attention {
  /** Largest head that the kernels take. */
  static final int MOST_DIM = 256;

  /** Queries of a block, as in {@code attention_plain.cu}. */
  private static final int PLAIN_QUERIES = 16;

  private final Kernel plainF32;
  private final Kernel plainBf16;

  Attention(Modules modules) {
    plainF32 = plain(modules, "attention_plain_f32");
    plainBf16 = plain(modules, "attention_plain_bf16");
  }

  private static Kernel plain(Modules modules, String name) {
    return modules.kernel(
        "attention_plain",
        name,
        128,
        plainShared(MOST_DIM),
        "fused*",
        "tiles*",
        "spans*",
        "positions*",
        "pages*",
        "layerOffset*",
        "out*",
        "queryHeads",
        "kvHeads",
        "headDim",
        "blockLength",
        "scale_f");
  }

  private static int plainShared(int dim) {
    return 4
        * (KvStore.PAGE_TOKENS * (dim + 1)
            + PLAIN_QUERIES * dim
            + PLAIN_QUERIES * KvStore.PAGE_TOKENS);
  }

  /** Rows of a sequence that a block takes for heads of this shape. */
  int queries(HeadShape shape, DType type) {
    return PLAIN_QUERIES;
  }

  /** Attends over pages that hold the keys and values of all visible positions. */
  void run(
      Tensor fused,
      HeadShape shape,
      SequenceLayout layout,
      long layerOffset,
      AttentionMask mask,
      Tensor out) {
    (out.dtype() == DType.BF16 ? plainBf16 : plainF32)
        .set(0, fused.memory())
        .set(1, layout.tilesAt())
        .set(2, layout.spansAt())
        .set(3, layout.positionsAt())
        .set(4, layout.pagesAt())
        .set(5, layerOffset)
        .set(6, out.memory())
        .set(7, shape.heads())
        .set(8, shape.kvHeads())
        .set(9, shape.headDim())
        .set(10, mask.blockLength())
        .set(11, (float) (1 / Math.sqrt(shape.headDim())))
        .launch(layout.tiles(), shape.heads(), plainShared(shape.headDim()));
  }
}
