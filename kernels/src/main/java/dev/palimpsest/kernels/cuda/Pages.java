/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Tensor;

/** Launches of {@code pages.cu}. */
final class Pages {
  private final Kernel f32;
  private final Kernel bf16;

  Pages(Modules modules) {
    f32 = kernel(modules, "store_rows_f32");
    bf16 = kernel(modules, "store_rows_bf16");
  }

  private static Kernel kernel(Modules modules, String name) {
    return modules.kernel(
        "pages",
        name,
        256,
        0,
        "fused*",
        "rowSequence*",
        "positions*",
        "spans*",
        "pages*",
        "layerOffset*",
        "queryHeads",
        "kvHeads",
        "headDim");
  }

  /** Keys and values of all rows to their places, in the compute type. */
  void store(
      Tensor fused,
      int rows,
      HeadShape shape,
      SequenceLayout layout,
      long layerOffset,
      DType type) {
    (type == DType.BF16 ? bf16 : f32)
        .set(0, fused.memory())
        .set(1, layout.rowsAt())
        .set(2, layout.positionsAt())
        .set(3, layout.spansAt())
        .set(4, layout.pagesAt())
        .set(5, layerOffset)
        .set(6, shape.heads())
        .set(7, shape.kvHeads())
        .set(8, shape.headDim())
        .launch(rows);
  }
}
