/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Tensors of equally many rows, which grow to the largest batch seen. */
final class Activations {
  private final Device device;
  private final List<Tensor> tensors = new ArrayList<>();
  private int capacity;
  private int growing;

  Activations(Device device) {
    this.device = device;
  }

  /**
   * Whether the tensors have too few rows. Then they are gone, and the caller {@link #add}s them
   * anew and says when they are {@link #ready}.
   */
  boolean grow(int rows) {
    if (rows <= capacity) {
      return false;
    }
    growing = Math.max(rows, Math.min(2 * capacity, capacity + 4096));
    capacity = 0;
    // Freed first, and forgotten, so that an allocation that fails leaves nothing behind.
    tensors.forEach(device::free);
    tensors.clear();
    return true;
  }

  Tensor add(DType dtype, int width) {
    Tensor tensor = device.allocate(dtype, growing, width);
    tensors.add(tensor);
    return tensor;
  }

  void ready() {
    capacity = growing;
  }
}
