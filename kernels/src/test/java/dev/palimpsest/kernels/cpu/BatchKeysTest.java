/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class BatchKeysTest {
  private static final HeadShape SIX = new HeadShape(6, 6, 8);
  private static final HeadShape EIGHT = new HeadShape(8, 8, 8);
  private static final HeadShape WIDE = new HeadShape(6, 6, 16);

  /** As blocks at full and at half resolution do, in every step. */
  @Test
  void shapesThatTakeTurnsKeepTheirMemory() {
    try (NativeMemory memory = new NativeMemory();
        ThreadTeam team = new ThreadTeam(1)) {
      BatchKeys keys = new BatchKeys(team, new PlainRowKernels(), memory);
      MemorySegment six = store(keys, memory, SIX, 70);
      MemorySegment eight = store(keys, memory, EIGHT, 35);
      MemorySegment wide = store(keys, memory, WIDE, 70);
      long bytes = memory.bytes();
      for (int i = 0; i < 3; i++) {
        assertSame(six, store(keys, memory, SIX, 70));
        assertSame(eight, store(keys, memory, EIGHT, 35));
        assertSame(wide, store(keys, memory, WIDE, 70));
      }
      assertTrue(six.scope().isAlive());
      assertEquals(bytes, memory.bytes());
    }
  }

  @Test
  void aLargerBatchTakesTheSmallersPlace() {
    try (NativeMemory memory = new NativeMemory();
        ThreadTeam team = new ThreadTeam(1)) {
      BatchKeys keys = new BatchKeys(team, new PlainRowKernels(), memory);
      MemorySegment small = store(keys, memory, SIX, 70);
      MemorySegment large = store(keys, memory, SIX, 64 * 100);
      assertFalse(small.scope().isAlive());
      assertSame(large, store(keys, memory, SIX, 70));
    }
  }

  /** The memory that the keys of one sequence of {@code length} rows were stored in. */
  private static MemorySegment store(
      BatchKeys keys, NativeMemory memory, HeadShape shape, int length) {
    RowSpans spans = new RowSpans();
    spans.add(length);
    MemorySegment fused = memory.allocate(4L * length * shape.fusedWidth());
    keys.store(fused, shape, KvLayout.float32(shape.headDim(), 8), spans, null, null, 0);
    memory.free(fused);
    return keys.blocks(0, 0).memory();
  }
}
