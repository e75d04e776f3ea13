/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.Optional;

/** An ordinary transformer block: weighted RMS norms, and residuals that are added as they are. */
record PreNormBlock(
    Tensor attentionNorm, Block block, Optional<Tensor> outputBias, Tensor ffnNorm) {
  static PreNormBlock pack(Device device, BlockShape shape, TransformerWeights.Layer w) {
    return new PreNormBlock(
        device.vector(w.attentionNorm()),
        new Block(
            new RotaryProjection(
                device.pack(w.query(), w.key(), w.value()),
                w.queryBias()
                    .map(
                        q ->
                            device.vector(
                                q, w.keyBias().orElseThrow(), w.valueBias().orElseThrow())),
                shape.heads(),
                w.queryNorm()
                    .map(
                        q ->
                            new RotaryProjection.HeadNorms(
                                device.vector(q),
                                device.vector(w.keyNorm().orElseThrow()),
                                shape.normEpsilon())),
                shape.rope()),
            device.pack(w.output()),
            device.packGated(w.gate(), w.up()),
            device.pack(w.down())),
        w.outputBias().map(view -> device.vector(view)),
        device.vector(w.ffnNorm()));
  }

  /**
   * Adds what blocks make of {@code residual} to it, one after the other.
   *
   * @param store where keys and values of paged sequences lie, block i's in layer i
   */
  static void run(
      PreNormBlock[] blocks,
      Device device,
      BlockScratch scratch,
      Tensor residual,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      Optional<KvStore> store) {
    int rows = spans.rows();
    float eps = scratch.shape().normEpsilon();
    Tensor normed = scratch.normed();
    for (int i = 0; i < blocks.length; i++) {
      PreNormBlock b = blocks[i];
      Block block = b.block;
      if (i == 0) {
        device.rmsNorm(residual, rows, b.attentionNorm, eps, normed);
      }
      if (store.isPresent()) {
        block.attend(device, scratch, spans, positions, mask, store.get(), i);
      } else {
        block.attend(device, scratch, spans, positions, mask);
      }
      device.linearAddNorm(
          scratch.attended(), rows, block.output(), b.outputBias, residual, b.ffnNorm, eps, normed);
      block.activate(device, scratch, rows);
      if (i + 1 < blocks.length) {
        device.linearAddNorm(
            scratch.activated(),
            rows,
            block.down(),
            Optional.empty(),
            residual,
            blocks[i + 1].attentionNorm,
            eps,
            normed);
      } else {
        device.linearAdd(scratch.activated(), rows, block.down(), residual);
      }
    }
  }
}
