/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.Tensor;

/** Launches of {@code rotary.cu}. */
final class Rotary {
  private final Kernel halves;
  private final Kernel pairs;

  Rotary(Modules modules) {
    halves = kernel(modules, "rotate_halves");
    pairs = kernel(modules, "rotate_pairs");
  }

  private static Kernel kernel(Modules modules, String name) {
    return modules.kernel(
        "rotary",
        name,
        256,
        0,
        "fused*",
        "positions*",
        "cosines*",
        "sines*",
        "turned",
        "headDim",
        "half",
        "fusedWidth");
  }

  void run(
      Tensor fused,
      int rows,
      HeadShape shape,
      Rope rope,
      long positions,
      RotaryTables.Table table) {
    (rope.pairing() == Rope.Pairing.HALF_SPLIT ? halves : pairs)
        .set(0, fused.memory())
        .set(1, positions)
        .set(2, table.cosines())
        .set(3, table.sines())
        .set(4, shape.heads() + shape.kvHeads())
        .set(5, shape.headDim())
        .set(6, rope.dims() / 2)
        .set(7, shape.fusedWidth())
        .launch(rows);
  }
}
