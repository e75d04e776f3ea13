/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * A tensor as it lies in a checkpoint: a read-only slice of the mapped file, row-major, never
 * copied.
 *
 * @param name the tensor's name in the checkpoint, for messages
 * @param dtype how elements are stored
 * @param shape outermost dimension first, e.g. {@code [outFeatures, inFeatures]} for a projection
 * @param memory exactly {@code dtype.bytes(elements)} bytes; may be unaligned; valid while the
 *     checkpoint is open
 */
public record WeightView(String name, DType dtype, List<Long> shape, MemorySegment memory) {
  public WeightView {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(dtype, "dtype");
    shape = List.copyOf(shape);
    long expected = dtype.bytes(elements(shape));
    if (memory.byteSize() != expected) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + ": "
              + dtype
              + shape
              + " takes "
              + expected
              + " bytes, its memory has "
              + memory.byteSize());
    }
  }

  /** Product of the shape. */
  public long elements() {
    return elements(shape);
  }

  /** Size of dimension {@code i} as an int. */
  public int dimension(int i) {
    return Math.toIntExact(shape.get(i));
  }

  private static long elements(List<Long> shape) {
    long n = 1;
    for (long d : shape) {
      n = Math.multiplyExact(n, d);
    }
    return n;
  }
}
