/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.cuda.CUtensorMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * Memory for a {@code CUtensorMap}, the descriptor of a TMA copy. C aligns it to 128 bytes; the
 * generated layout lost that, so {@code CUtensorMap.allocate} gives 8.
 */
public final class TensorMapMemory {
  /** What the driver requires, in bytes. */
  public static final long ALIGNMENT = 128;

  private TensorMapMemory() {}

  /** One descriptor, zeroed, aligned to {@value #ALIGNMENT} bytes. */
  public static MemorySegment allocate(SegmentAllocator allocator) {
    return allocator.allocate(CUtensorMap.sizeof(), ALIGNMENT);
  }
}
