/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.Predictions;
import java.util.Optional;

/** The networks on one device: a batch is run by those it has anything for, tokens first. */
public final class Networks {
  private final Optional<Transformer> transformer;
  private final Optional<HybridModel> hybrid;

  public Networks(Optional<Transformer> transformer, Optional<HybridModel> hybrid) {
    this.transformer = transformer;
    this.hybrid = hybrid;
  }

  /**
   * One step.
   *
   * @param out what the transformer predicts; what the hybrid model finds is in the batch
   * @throws IllegalStateException if the batch asks for a network that is not here
   */
  public void forward(StepBatch batch, Predictions out) {
    out.resize(0);
    if (batch.rows() > 0) {
      transformer.orElseThrow(() -> missing("masked")).forward(batch, out);
    }
    if (!batch.latent().isEmpty()) {
      hybrid.orElseThrow(() -> missing("latent")).forward(batch.latent());
    }
  }

  private static IllegalStateException missing(String kind) {
    return new IllegalStateException("no " + kind + " model was loaded");
  }
}
