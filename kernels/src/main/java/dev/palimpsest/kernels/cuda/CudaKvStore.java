/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Pages in device memory, taken in slabs as they are needed. A page is {@code [layer][k | v][kv
 * head][position][headDim]} in the compute type, so that the keys of a head in a page are one
 * block.
 */
final class CudaKvStore implements KvStore {
  /** Taken from the device at a time; a choice that no part of {@code bench/gpu} measures. */
  private static final long SLAB_BYTES = 64L << 20;

  private static final int MAX_PAGES = 1 << 24;

  private final CudaDevice owner;
  private final DeviceMemory memory;
  private final CudaContext context;
  private final int layers;
  private final HeadShape shape;
  private final DType type;
  private final int maxPages;
  private final long pageBytes;
  private final int slabPages;
  private final List<MemorySegment> slabs = new ArrayList<>();
  private int pages;
  private boolean closed;

  CudaKvStore(
      CudaDevice owner,
      CudaContext context,
      DeviceMemory memory,
      int layers,
      HeadShape shape,
      DType type,
      long maxBytes) {
    this.owner = owner;
    this.context = context;
    this.memory = memory;
    this.layers = layers;
    this.shape = shape;
    this.type = type;
    pageBytes = Math.multiplyExact(layers * layerElements(shape), (long) type.blockBytes());
    maxPages = (int) Math.min(maxBytes / pageBytes, MAX_PAGES);
    slabPages = Math.clamp(SLAB_BYTES / pageBytes, 1, Math.max(1, maxPages));
  }

  /** Elements of one layer in a page: keys and values of all heads. */
  static long layerElements(HeadShape shape) {
    return 2L * shape.keyWidth() * PAGE_TOKENS;
  }

  boolean of(CudaDevice device) {
    return owner == device;
  }

  boolean closed() {
    return closed;
  }

  /** The device's address of a page. */
  long address(int page) {
    return slabs.get(page / slabPages).address() + page % slabPages * pageBytes;
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

  DType type() {
    return type;
  }

  @Override
  public void grow(int wanted) {
    owner.exclusively(
        () -> {
          if (closed) {
            throw new IllegalStateException("the K/V store is closed");
          }
          if (wanted > maxPages) {
            throw new IllegalArgumentException(
                "the K/V store was made for " + maxPages + " pages; found " + wanted);
          }
          context.enter();
          while (pages < wanted) {
            int more = Math.min(slabPages, maxPages - pages);
            slabs.add(memory.allocate(more * pageBytes));
            pages += more;
          }
        });
  }

  @Override
  public void clear(int page) {
    owner.exclusively(
        () -> {
          if (page < 0 || page >= pages) {
            throw new IllegalArgumentException(
                "the K/V store has %d pages; found page %d".formatted(pages, page));
          }
          context.enter();
          context.clear(address(page), pageBytes);
        });
  }

  @Override
  public void close() {
    owner.exclusively(
        () -> {
          if (!closed) {
            closed = true;
            if (!owner.closed()) {
              context.enter();
              slabs.forEach(memory::free);
            }
            slabs.clear();
            pages = 0;
          }
        });
  }
}
