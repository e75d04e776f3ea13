/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import java.util.List;

/**
 * A tensor to be written.
 *
 * @param shape outermost dimension first
 */
public record TensorSpec(String name, DType dtype, List<Long> shape) {
  public TensorSpec {
    shape = List.copyOf(shape);
    if (name.isEmpty()) {
      throw new IllegalArgumentException("a tensor needs a name");
    }
    long row = shape.isEmpty() ? 1 : shape.getLast();
    if (row % dtype.blockLength() != 0) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + shape
              + ": rows are not whole "
              + dtype
              + " blocks of "
              + dtype.blockLength());
    }
  }

  /** Product of the shape. */
  public long elements() {
    return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
  }

  /** Size in files and memory. */
  public long bytes() {
    return dtype.bytes(elements());
  }
}
