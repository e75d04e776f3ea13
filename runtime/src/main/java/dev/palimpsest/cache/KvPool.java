/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import java.util.Optional;

/**
 * Hands out the pages of a {@link KvStore} within a memory budget. Memory is taken from the device
 * as pages are first needed and kept until the pool closes; a page goes to one sequence at a time.
 *
 * <p>{@link #reserve} and what {@link KvPages} does belong to the thread that drives the device;
 * the rest may be called from any.
 */
public final class KvPool implements AutoCloseable {
  private final KvStore store;
  private final long budgetBytes;
  // A stack; pages never handed out come last, so that memory grows only when it must.
  private final int[] freePages;
  private volatile int free;

  /**
   * A pool without memory yet.
   *
   * @param layers attention layers of the network
   * @param budgetBytes most device memory to take; may be less than a page, then nothing fits
   */
  public KvPool(Device device, int layers, HeadShape shape, long budgetBytes) {
    this.budgetBytes = budgetBytes;
    store = device.keyValues(layers, shape, budgetBytes);
    int pages = store.maxPages();
    freePages = new int[pages];
    for (int i = 0; i < pages; i++) {
      freePages[i] = pages - 1 - i;
    }
    free = pages;
  }

  /** Pages the budget allows. */
  public int pages() {
    return store.maxPages();
  }

  /** Pages that nobody holds. */
  public int freePages() {
    return free;
  }

  /** Device memory taken so far. */
  public long heldBytes() {
    return store.pages() * store.pageBytes();
  }

  KvStore store() {
    return store;
  }

  /**
   * Refuses what could not even fit into an empty pool.
   *
   * @param tokens positions of a sequence
   * @param sequences sequences of that length
   * @throws IllegalArgumentException with both numbers, and what to change
   */
  public void checkFits(int tokens, int sequences) {
    long needed = (long) KvStore.pagesFor(tokens) * sequences;
    if (needed > store.maxPages()) {
      throw new IllegalArgumentException(
          "caching %d tokens%s needs %d bytes (%d pages of %d) and the budget for K/V caches is %d bytes (%d pages): write less, switch the cache off, or open the engine with a larger kvCacheBytes"
              .formatted(
                  tokens,
                  sequences == 1 ? "" : ", " + sequences + " times,",
                  needed * store.pageBytes(),
                  needed,
                  store.pageBytes(),
                  budgetBytes,
                  store.maxPages()));
    }
  }

  /**
   * Takes the pages for a sequence; a matter of numbers, the memory is {@link KvPages#prepare}d.
   *
   * @return nothing if too few are free now
   */
  public Optional<KvPages> reserve(int tokens) {
    int count = KvStore.pagesFor(tokens);
    if (count > free) {
      return Optional.empty();
    }
    int[] table = new int[count];
    for (int i = 0; i < count; i++) {
      table[i] = freePages[free - 1 - i];
    }
    free = free - count;
    return Optional.of(new KvPages(this, tokens, table));
  }

  void prepare(int[] table) {
    int highest = -1;
    for (int page : table) {
      highest = Math.max(highest, page);
    }
    store.grow(highest + 1);
  }

  void takeBack(int[] table) {
    int now = free;
    for (int i = table.length - 1; i >= 0; i--) {
      freePages[now++] = table[i];
    }
    free = now;
  }

  /** Gives the memory back; idempotent. */
  @Override
  public void close() {
    store.close();
  }
}
