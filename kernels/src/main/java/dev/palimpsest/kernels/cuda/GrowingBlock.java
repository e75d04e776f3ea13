/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Device memory for what lives within one op. Grows, never shrinks; what lay there before is lost
 * when it grows.
 */
final class GrowingBlock {
  private final DeviceMemory memory;
  private MemorySegment block = MemorySegment.NULL;
  private long bytes;

  GrowingBlock(DeviceMemory memory) {
    this.memory = memory;
  }

  /**
   * Makes it {@code size} bytes or more.
   *
   * @throws IllegalStateException if there is not that much; then it is empty, and may grow again
   */
  void reserve(long size) {
    if (size > bytes) {
      memory.free(block);
      block = MemorySegment.NULL;
      bytes = 0;
      block = memory.allocate(size);
      bytes = size;
    }
  }

  MemorySegment memory() {
    return block;
  }

  long address() {
    return block.address();
  }
}
