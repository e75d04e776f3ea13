/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.Tensor;

/** Launches of {@code bias.cu}. */
final class Bias {
  private final Kernel add;

  Bias(Modules modules) {
    add = modules.kernel("bias", "add_bias", 256, 0, "x*", "bias*", "width");
  }

  void add(Tensor x, int rows, Tensor bias) {
    add.set(0, x.memory()).set(1, bias.memory()).set(2, x.width()).launch(rows);
  }
}
