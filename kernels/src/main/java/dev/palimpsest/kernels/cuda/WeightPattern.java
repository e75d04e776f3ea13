/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;

/**
 * Weights without a checkpoint: a few elements, brought to the device once, that copies on the
 * device lay end to end. So a model of any shape is there as fast as the device writes memory.
 */
final class WeightPattern {
  /** Copies begin at whole 16 bytes. */
  private static final int GRAIN = 16;

  private final CudaContext context;
  private final MemorySegment block;
  private final DType type;
  private final long bytes;

  /**
   * @param bytes of the block that repeat; a multiple of 16
   */
  WeightPattern(CudaContext context, MemorySegment block, DType type, long bytes) {
    if (bytes < GRAIN || bytes % GRAIN != 0) {
      throw new IllegalArgumentException(
          "a pattern of weights takes a multiple of "
              + GRAIN
              + " bytes on the device; found "
              + bytes);
    }
    this.context = context;
    this.block = block;
    this.type = type;
    this.bytes = bytes;
  }

  /** What its elements are; only weights of that type can be made of it. */
  DType type() {
    return type;
  }

  /** Fills {@code size} bytes at the device's address {@code to}. */
  void fill(long to, long size) {
    long done = Math.min(bytes, size);
    context.copy(block.address(), to, done);
    while (done < size) {
      long n = Math.min(done, size - done);
      context.copy(to, to + done, n);
      done += n;
    }
  }
}
