/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.Optional;

/**
 * The two halves of a transformer block (rotary attention, gated SiLU network) between their norms
 * and what adds them to the residual: both of these are the caller's, since some networks condition
 * them.
 */
record Block(
    PackedLinear queryKeyValue,
    Optional<Tensor> queryKeyValueBias,
    Optional<Tensor> queryNorm,
    Optional<Tensor> keyNorm,
    PackedLinear output,
    PackedLinear gateUp,
    PackedLinear down) {

  /** Attention of the rows in {@link BlockScratch#normed}, into {@link BlockScratch#attended}. */
  void attend(
      Device device, BlockScratch scratch, RowSpans spans, int[] positions, AttentionMask mask) {
    project(device, scratch, spans.rows(), positions);
    device.attention(scratch.fused(), scratch.shape().heads(), spans, mask, scratch.attended());
  }

  /** The same with keys and values in pages, this being {@code layer} of the store. */
  void attend(
      Device device,
      BlockScratch scratch,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      KvStore store,
      int layer) {
    project(device, scratch, spans.rows(), positions);
    device.attention(
        scratch.fused(),
        scratch.shape().heads(),
        spans,
        positions,
        mask,
        store,
        layer,
        scratch.attended());
  }

  private void project(Device device, BlockScratch scratch, int rows, int[] positions) {
    BlockShape shape = scratch.shape();
    Tensor fused = scratch.fused();
    if (queryKeyValueBias.isPresent()) {
      device.linear(scratch.normed(), rows, queryKeyValue, queryKeyValueBias.get(), fused);
    } else {
      device.linear(scratch.normed(), rows, queryKeyValue, fused);
    }
    if (queryNorm.isPresent()) {
      device.headNorm(
          fused, rows, shape.heads(), queryNorm.get(), keyNorm.orElseThrow(), shape.normEpsilon());
    }
    device.rotate(fused, rows, shape.heads(), shape.rope(), positions);
  }

  /** The gated network of {@link BlockScratch#normed}, into {@link BlockScratch#activated}. */
  void activate(Device device, BlockScratch scratch, int rows) {
    device.gatedSilu(scratch.normed(), rows, gateUp, scratch.activated());
  }
}
