/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.Tensor;
import java.util.Optional;

/** Launches of {@code rotary_pages.cu}. */
final class RotaryPages {
  private static final int HEADS_PER_BLOCK = 4;

  private final Kernel f32;
  private final Kernel bf16;

  RotaryPages(Modules modules) {
    f32 = kernel(modules, "rotary_pages_f32");
    bf16 = kernel(modules, "rotary_pages_bf16");
  }

  private static Kernel kernel(Modules modules, String name) {
    return modules.kernel(
        "rotary_pages",
        name,
        32 * HEADS_PER_BLOCK,
        shared(Attention.MOST_DIM),
        "fused*",
        "bias*",
        "queryWeight*",
        "keyWeight*",
        "cosines*",
        "sines*",
        "places*",
        "rowSequence*",
        "positions*",
        "spans*",
        "pages*",
        "layerOffset*",
        "queryHeads",
        "kvHeads",
        "headDim",
        "half",
        "interleaved",
        "eps_f");
  }

  /** {@code HeadRows}. */
  private static int shared(int dim) {
    return 4 * HEADS_PER_BLOCK * dim;
  }

  /**
   * Turns queries where they are, and takes keys and values to their pages.
   *
   * @param places device address of what each row turns by
   * @param table of the projection's {@link Rope}; empty where nothing turns
   */
  void run(
      Tensor fused,
      int rows,
      RotaryProjection projection,
      long places,
      Optional<RotaryTables.Table> table,
      SequenceLayout layout,
      long layerOffset,
      DType type) {
    HeadShape shape = projection.shape();
    Rope rope = projection.rope();
    int heads = shape.heads() + 2 * shape.kvHeads();
    Kernel kernel = type == DType.BF16 ? bf16 : f32;
    kernel
        .set(0, fused.memory())
        .set(1, projection.bias().map(bias -> bias.memory().address()).orElse(0L))
        .set(4, table.map(t -> t.cosines().address()).orElse(0L))
        .set(5, table.map(t -> t.sines().address()).orElse(0L))
        .set(6, places)
        .set(7, layout.rowsAt())
        .set(8, layout.positionsAt())
        .set(9, layout.spansAt())
        .set(10, layout.pagesAt())
        .set(11, layerOffset)
        .set(12, shape.heads())
        .set(13, shape.kvHeads())
        .set(14, shape.headDim())
        .set(15, rope.dims() / 2)
        .set(16, rope.pairing() == Rope.Pairing.INTERLEAVED ? 1 : 0);
    norms(kernel, projection.norms());
    kernel.launch(
        rows, (heads + HEADS_PER_BLOCK - 1) / HEADS_PER_BLOCK, 1, shared(shape.headDim()));
  }

  private static void norms(Kernel kernel, Optional<RotaryProjection.HeadNorms> norms) {
    if (norms.isPresent()) {
      RotaryProjection.HeadNorms n = norms.get();
      kernel.set(2, n.query().memory()).set(3, n.key().memory()).set(17, n.eps());
    } else {
      kernel.set(2, 0L).set(3, 0L).set(17, 0f);
    }
  }
}
