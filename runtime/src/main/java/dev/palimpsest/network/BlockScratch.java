/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.Tensor;

/** The activations within a block, which blocks of one shape take in turn. */
final class BlockScratch {
  private final Device device;
  private final BlockShape shape;
  private final Activations activations;
  private Tensor normed;
  private Tensor fused;
  private Tensor attended;
  private Tensor activated;

  BlockScratch(Device device, BlockShape shape) {
    this.device = device;
    this.shape = shape;
    activations = new Activations(device);
  }

  /** Makes room; what was there is lost if there was too little. */
  void reserve(int rows) {
    if (!activations.grow(rows)) {
      return;
    }
    DType compute = device.computeType();
    normed = activations.add(compute, shape.hidden());
    fused = activations.add(DType.F32, shape.heads().fusedWidth());
    attended = activations.add(compute, shape.heads().queryWidth());
    activated = activations.add(compute, shape.ffn());
    activations.ready();
  }

  BlockShape shape() {
    return shape;
  }

  /** The normalised residual, {@link Device#computeType}. */
  Tensor normed() {
    return normed;
  }

  /** Queries, keys and values, f32. */
  Tensor fused() {
    return fused;
  }

  /** What attention gave, {@link Device#computeType}. */
  Tensor attended() {
    return attended;
  }

  /** The inner rows of the gated network, {@link Device#computeType}. */
  Tensor activated() {
    return activated;
  }
}
