/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import java.util.Arrays;

/**
 * Pages in native memory, taken in slabs as they are needed. In a slab the pages of one layer and
 * head lie side by side, so that a group of {@link #GROUP_PAGES} pages is one matrix; slabs are
 * whole groups.
 */
final class CpuKvStore implements KvStore {
  private static final long SLAB_BYTES = 32L << 20;
  private static final int MAX_PAGES = 1 << 24;

  private final Object device;
  private final NativeMemory memory;
  private final KvLayout layout;
  private final int layers;
  private final HeadShape shape;
  private final int maxPages;
  private final long pageBytes;
  private final int slabPages;
  private KvBlocks[] slabs = new KvBlocks[0];
  private int pages;
  private boolean closed;

  /**
   * An empty store.
   *
   * @param device whose ops exclude {@link #close}: they work on bare addresses
   */
  CpuKvStore(
      Object device,
      NativeMemory memory,
      KvLayout layout,
      int layers,
      HeadShape shape,
      long maxBytes) {
    this.device = device;
    this.memory = memory;
    this.layout = layout;
    this.layers = layers;
    this.shape = shape;
    pageBytes = KvBlocks.bytes(layout, layers, shape.kvHeads(), 1);
    maxPages = (int) Math.min(maxBytes / pageBytes, MAX_PAGES);
    slabPages = KvLayout.roundUp(Math.clamp(SLAB_BYTES / pageBytes, 1, 1024), GROUP_PAGES);
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

  boolean of(Object other) {
    return device == other;
  }

  @Override
  public void grow(int wanted) {
    synchronized (device) {
      if (closed) {
        throw new IllegalStateException("the K/V store is closed");
      }
      if (wanted > maxPages) {
        throw new IllegalArgumentException(
            "the K/V store was made for " + maxPages + " pages; found " + wanted);
      }
      while (pages < wanted) {
        int more = Math.min(slabPages, maxPages - pages);
        KvBlocks slab =
            new KvBlocks(memory.allocate(more * pageBytes), layout, shape.kvHeads(), more);
        slabs = Arrays.copyOf(slabs, slabs.length + 1);
        slabs[slabs.length - 1] = slab;
        pages += more;
      }
    }
  }

  @Override
  public void clear(int page) {
    synchronized (device) {
      if (page < 0 || page >= pages) {
        throw new IllegalArgumentException(
            "the K/V store has %d pages; found page %d".formatted(pages, page));
      }
      for (int layer = 0; layer < layers; layer++) {
        slab(page).clear(layer, block(page));
      }
    }
  }

  /** The slab that {@code page} lies in. */
  KvBlocks slab(int page) {
    return slabs[page / slabPages];
  }

  /** Which block of its {@link #slab} it is. */
  int block(int page) {
    return page % slabPages;
  }

  @Override
  public void close() {
    synchronized (device) {
      if (!closed) {
        closed = true;
        for (KvBlocks slab : slabs) {
          memory.free(slab.memory());
        }
        slabs = new KvBlocks[0];
        pages = 0;
      }
    }
  }
}
