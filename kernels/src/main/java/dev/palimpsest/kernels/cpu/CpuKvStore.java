/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Pages in native memory, taken in slabs as they are needed. A page is {@code [layer][position][k
 * heads | v heads]} in f32, just as the rows leave the projection, so that attention over a page
 * has the bits of attention over the rows themselves.
 */
final class CpuKvStore implements KvStore, ThreadTeam.Job {
  private static final long SLAB_BYTES = 32L << 20;
  private static final int TASK_ROWS = 16;
  private static final int MAX_PAGES = 1 << 24;

  private final ThreadTeam team;
  private final NativeMemory memory;
  private final int layers;
  private final HeadShape shape;
  private final int maxPages;
  private final long rowBytes;
  private final long pageBytes;
  private final int slabPages;
  private MemorySegment[] slabs = new MemorySegment[0];
  private int pages;
  private boolean closed;

  private MemorySegment fused;
  private RowSpans spans;
  private int[] positions;
  private int layer;

  CpuKvStore(ThreadTeam team, NativeMemory memory, int layers, HeadShape shape, long maxBytes) {
    this.team = team;
    this.memory = memory;
    this.layers = layers;
    this.shape = shape;
    rowBytes = 4L * 2 * shape.keyWidth();
    pageBytes = Math.multiplyExact(layers * rowBytes, PAGE_TOKENS);
    maxPages = (int) Math.min(maxBytes / pageBytes, MAX_PAGES);
    slabPages = Math.clamp(SLAB_BYTES / pageBytes, 1, Math.max(1, maxPages));
  }

  @Override
  public int layers() {
    return layers;
  }

  @Override
  public HeadShape shape() {
    return shape;
  }

  @Override
  public long pageBytes() {
    return pageBytes;
  }

  @Override
  public int pages() {
    return pages;
  }

  @Override
  public int maxPages() {
    return maxPages;
  }

  boolean closed() {
    return closed;
  }

  boolean of(ThreadTeam other) {
    return team == other;
  }

  @Override
  public void grow(int wanted) {
    if (closed) {
      throw new IllegalStateException("the K/V store is closed");
    }
    if (wanted > maxPages) {
      throw new IllegalArgumentException(
          "the K/V store was made for " + maxPages + " pages; found " + wanted);
    }
    while (pages < wanted) {
      int more = Math.min(slabPages, maxPages - pages);
      MemorySegment slab = memory.allocate(more * pageBytes);
      slabs = Arrays.copyOf(slabs, slabs.length + 1);
      slabs[slabs.length - 1] = slab;
      pages += more;
    }
  }

  /** The slab that {@code page} lies in. */
  MemorySegment slab(int page) {
    return slabs[page / slabPages];
  }

  /** Offset of the page's first row of {@code layer} in its {@link #slab}. */
  long offset(int page, int layer) {
    return page % slabPages * pageBytes + layer * (rowBytes * PAGE_TOKENS);
  }

  /** Bytes from one position's row to the next. */
  long rowBytes() {
    return rowBytes;
  }

  /** Copies the keys and values of every row of a paged sequence to its position. */
  void store(MemorySegment fused, RowSpans spans, int[] positions, int layer) {
    this.fused = fused;
    this.spans = spans;
    this.positions = positions;
    this.layer = layer;
    team.run(this, (spans.rows() + TASK_ROWS - 1) / TASK_ROWS);
  }

  @Override
  public void run(int task, int worker) {
    int row = task * TASK_ROWS;
    int end = Math.min(spans.rows(), row + TASK_ROWS);
    long fusedRow = 4L * shape.fusedWidth();
    long keysAt = 4L * shape.queryWidth();
    for (int s = spans.sequenceOf(row); row < end; s++) {
      int stop = Math.min(end, spans.start(s + 1));
      for (int[] table = spans.pages(s); spans.paged(s) && row < stop; row++) {
        int position = positions[row];
        int page = table[position / PAGE_TOKENS];
        MemorySegment.copy(
            fused,
            row * fusedRow + keysAt,
            slab(page),
            offset(page, layer) + position % PAGE_TOKENS * rowBytes,
            rowBytes);
      }
      row = stop;
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      for (MemorySegment slab : slabs) {
        memory.free(slab);
      }
      slabs = new MemorySegment[0];
      pages = 0;
    }
  }
}
