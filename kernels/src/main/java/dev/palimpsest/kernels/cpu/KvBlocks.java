/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * A piece of memory with {@code blocks} blocks of keys and values for each of some layers and
 * heads. Blocks of one head lie side by side, those of its keys and then those of each part of its
 * values, so that neighbouring blocks are one matrix.
 */
record KvBlocks(MemorySegment memory, KvLayout layout, int heads, int blocks) {
  private static final MemorySegment ZEROS = MemorySegment.ofArray(new byte[8 << 10]);

  /** Bytes of such a piece. */
  static long bytes(KvLayout layout, int layers, int heads, int blocks) {
    return Math.multiplyExact(layout.blockBytes() * layers * heads, (long) blocks);
  }

  private long head(int layer, int head) {
    return ((long) layer * heads + head) * blocks * layout.blockBytes();
  }

  /** Where a block of keys begins. */
  long keys(int layer, int head, int block) {
    return head(layer, head) + (long) block * layout.keyBytes();
  }

  /** Where a block of one part of the values begins. */
  long values(int layer, int head, int part, int block) {
    return head(layer, head)
        + (long) blocks * layout.keyBytes()
        + ((long) part * blocks + block) * layout.valueBytes();
  }

  /** Zeroes the keys and values of a block. */
  void clear(int layer, int block) {
    for (int h = 0; h < heads; h++) {
      zero(keys(layer, h, block), layout.keyBytes());
      clearValues(layer, h, block, 0);
    }
  }

  /** Zeroes the values of a block from position {@code from} on, an even one. */
  void clearValues(int layer, int head, int block, int from) {
    long kept = (long) layout.valueBytes() / KvLayout.BLOCK * from;
    for (int part = 0; part < layout.valueParts(); part++) {
      zero(values(layer, head, part, block) + kept, layout.valueBytes() - kept);
    }
  }

  private void zero(long at, long bytes) {
    for (long i = 0; i < bytes; i += ZEROS.byteSize()) {
      MemorySegment.copy(ZEROS, 0, memory, at + i, Math.min(ZEROS.byteSize(), bytes - i));
    }
  }
}
