/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.WeightView;

/** Embeddings read from the checkpoint where they lie. */
record CpuTable(CpuDevice owner, WeightView view) implements EmbeddingTable {
  @Override
  public int vocabulary() {
    return view.dimension(0);
  }

  @Override
  public int width() {
    return view.dimension(1);
  }
}
