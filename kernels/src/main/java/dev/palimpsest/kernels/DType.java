/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * Element types of tensors in memory and in checkpoint files.
 *
 * <p>Quantised types store {@link #blockLength()} consecutive elements of a row in {@link
 * #blockBytes()} bytes (layouts: ggml's {@code block_q8_0} and {@code block_q4_0}); for all others
 * a block is one element.
 */
public enum DType {
  F32(1, 4),
  BF16(1, 2),
  F16(1, 2),
  I32(1, 4),
  /** Signed bytes; numbers only together with {@link WeightView#rowScales}. */
  I8(1, 1),
  /** 32 signed bytes behind one F16 scale. */
  Q8_0(32, 34),
  /** 32 four-bit values (offset 8) behind one F16 scale; low nibbles hold elements 0..15. */
  Q4_0(32, 18);

  private final int blockLength;
  private final int blockBytes;

  DType(int blockLength, int blockBytes) {
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
  }

  /** Elements in one block. */
  public int blockLength() {
    return blockLength;
  }

  /** Bytes of one block. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Bytes that {@code elements} consecutive elements take.
   *
   * @throws IllegalArgumentException if {@code elements} is negative or not a whole number of
   *     blocks
   * @throws ArithmeticException if the size does not fit a long
   */
  public long bytes(long elements) {
    if (elements < 0 || elements % blockLength != 0) {
      throw new IllegalArgumentException(
          elements + " elements are not a whole number of " + this + " blocks of " + blockLength);
    }
    return Math.multiplyExact(elements / blockLength, (long) blockBytes);
  }
}
