/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * The native memory of one device: each block has an arena of its own, so that it can be given back
 * alone, and a block used after that answers with an exception instead of a crash.
 */
final class NativeMemory implements AutoCloseable {
  /** A cache line, and what vector loads like best. */
  static final long ALIGNMENT = 64;

  private final Map<Long, Arena> arenas = new HashMap<>();
  private long bytes;
  private boolean closed;

  /** A zeroed block, at least one cache line long. */
  synchronized MemorySegment allocate(long size) {
    if (closed) {
      throw new IllegalStateException("the device is closed");
    }
    Arena arena = Arena.ofShared();
    MemorySegment block;
    try {
      block = arena.allocate(Math.max(size, ALIGNMENT), ALIGNMENT);
    } catch (OutOfMemoryError e) {
      arena.close();
      throw new IllegalStateException(
          "no native memory for "
              + size
              + " bytes; this device holds "
              + bytes
              + " bytes already ("
              + e.getMessage()
              + "). Java grants native memory up to -XX:MaxDirectMemorySize, by default the size of"
              + " the heap: raise it, use a smaller model or batch, or bf16 instead of f32",
          e);
    }
    arenas.put(block.address(), arena);
    bytes += block.byteSize();
    return block;
  }

  /** Gives back a block; one given back already is passed over. */
  synchronized void free(MemorySegment block) {
    Arena arena = block.scope().isAlive() ? arenas.remove(block.address()) : null;
    if (arena != null) {
      bytes -= block.byteSize();
      arena.close();
    }
  }

  synchronized long bytes() {
    return bytes;
  }

  @Override
  public synchronized void close() {
    closed = true;
    arenas.values().forEach(Arena::close);
    arenas.clear();
    bytes = 0;
  }
}
