/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.Optional;

/** An ordinary transformer block: weighted RMS norms, and residuals that are added as they are. */
record PreNormBlock(
    Tensor attentionNorm, Block block, Optional<Tensor> outputBias, Tensor ffnNorm) {
  static PreNormBlock pack(Device device, TransformerWeights.Layer w) {
    return new PreNormBlock(
        device.vector(w.attentionNorm()),
        new Block(
            device.pack(w.query(), w.key(), w.value()),
            w.queryBias()
                .map(q -> device.vector(q, w.keyBias().orElseThrow(), w.valueBias().orElseThrow())),
            w.queryNorm().map(view -> device.vector(view)),
            w.keyNorm().map(view -> device.vector(view)),
            device.pack(w.output()),
            device.packGated(w.gate(), w.up()),
            device.pack(w.down())),
        w.outputBias().map(view -> device.vector(view)),
        device.vector(w.ffnNorm()));
  }

  /**
   * Adds what the block makes of {@code residual} to it.
   *
   * @param store where keys and values of paged sequences lie, this being {@code layer} of it
   */
  void run(
      Device device,
      BlockScratch scratch,
      Tensor residual,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      Optional<KvStore> store,
      int layer) {
    int rows = spans.rows();
    float eps = scratch.shape().normEpsilon();
    device.rmsNorm(residual, rows, attentionNorm, eps, scratch.normed());
    if (store.isPresent()) {
      block.attend(device, scratch, spans, positions, mask, store.get(), layer);
    } else {
      block.attend(device, scratch, spans, positions, mask);
    }
    device.linearAdd(scratch.attended(), rows, block.output(), residual);
    if (outputBias.isPresent()) {
      device.addBias(residual, rows, outputBias.get());
    }
    device.rmsNorm(residual, rows, ffnNorm, eps, scratch.normed());
    block.activate(device, scratch, rows);
    device.linearAdd(scratch.activated(), rows, block.down(), residual);
  }
}
