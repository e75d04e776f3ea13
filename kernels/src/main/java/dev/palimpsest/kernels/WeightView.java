/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A tensor as it lies in a checkpoint: a read-only slice of the mapped file, row-major, never
 * copied.
 *
 * @param name the tensor's name in the checkpoint, for messages
 * @param dtype how elements are stored
 * @param shape outermost dimension first, e.g. {@code [outFeatures, inFeatures]} for a projection
 * @param memory exactly {@code dtype.bytes(elements)} bytes; may be unaligned; valid while the
 *     checkpoint is open
 * @param rowScales for a matrix of {@link DType#I8}: what to multiply each row by, {@code [rows]}
 *     or {@code [rows, 1]} of F32, F16 or BF16
 */
public record WeightView(
    String name,
    DType dtype,
    List<Long> shape,
    MemorySegment memory,
    Optional<WeightView> rowScales) {
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
    if (rowScales.isPresent() && !scales(rowScales.get(), dtype, shape)) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + ": row scales of "
              + rowScales.get().dtype
              + rowScales.get().shape
              + " do not fit "
              + dtype
              + shape);
    }
  }

  /** A tensor whose elements are numbers by themselves. */
  public WeightView(String name, DType dtype, List<Long> shape, MemorySegment memory) {
    this(name, dtype, shape, memory, Optional.empty());
  }

  /**
   * This tensor with {@link #rowScales}.
   *
   * @throws IllegalArgumentException unless {@link #isScaledBy} says that they fit
   */
  public WeightView scaledBy(WeightView scales) {
    return new WeightView(name, dtype, shape, memory, Optional.of(scales));
  }

  /** Whether {@code scales} can be the row scales of this tensor, by type and shape. */
  public boolean isScaledBy(WeightView scales) {
    return scales(scales, dtype, shape);
  }

  /** Whether the elements are numbers: neither I32 nor I8 without scales. */
  public boolean isNumbers() {
    return dtype != DType.I32 && (dtype != DType.I8 || rowScales.isPresent());
  }

  private static boolean scales(WeightView scales, DType dtype, List<Long> shape) {
    boolean floats =
        scales.dtype == DType.F32 || scales.dtype == DType.F16 || scales.dtype == DType.BF16;
    return floats
        && dtype == DType.I8
        && shape.size() == 2
        && (scales.shape.equals(List.of(shape.getFirst()))
            || scales.shape.equals(List.of(shape.getFirst(), 1L)));
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
