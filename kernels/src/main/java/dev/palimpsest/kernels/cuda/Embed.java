/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Tensor;

/** Launches of {@code embed.cu}. */
final class Embed {
  private final Kernel f32;
  private final Kernel bf16;

  Embed(Modules modules) {
    f32 = kernel(modules, "embed_f32");
    bf16 = kernel(modules, "embed_bf16");
  }

  private static Kernel kernel(Modules modules, String name) {
    return modules.kernel("embed", name, 256, 0, "table*", "tokens*", "out*", "width");
  }

  void run(CudaTable table, long tokens, int rows, Tensor out) {
    (table.type() == DType.BF16 ? bf16 : f32)
        .set(0, table.memory())
        .set(1, tokens)
        .set(2, out.memory())
        .set(3, table.width())
        .launch(rows);
  }
}
