/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;

/**
 * The two halves of a transformer block (rotary attention, gated SiLU network) between their norms
 * and what adds them to the residual: both of these are the caller's, since some networks condition
 * them.
 */
record Block(
    RotaryProjection queryKeyValue, PackedLinear output, PackedLinear gateUp, PackedLinear down) {

  /** Attention of the rows in {@link BlockScratch#normed}, into {@link BlockScratch#attended}. */
  void attend(
      Device device, BlockScratch scratch, RowSpans spans, int[] positions, AttentionMask mask) {
    device.rotaryAttention(
        scratch.normed(),
        queryKeyValue,
        scratch.fused(),
        spans,
        positions,
        mask,
        scratch.attended());
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
    device.rotaryAttention(
        scratch.normed(),
        queryKeyValue,
        scratch.fused(),
        spans,
        positions,
        mask,
        store,
        layer,
        scratch.attended());
  }

  /** The gated network of {@link BlockScratch#normed}, into {@link BlockScratch#activated}. */
  void activate(Device device, BlockScratch scratch, int rows) {
    device.gatedSilu(scratch.normed(), rows, gateUp, scratch.activated());
  }
}
