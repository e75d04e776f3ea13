/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * Keys and values of every attention layer in a device's memory, in pages of {@link #PAGE_TOKENS}
 * positions. A page holds the K/V rows of those positions for all layers; how they lie in it is the
 * device's affair. Pages are numbered from 0 and belong to whoever hands them out; {@link
 * RowSpans#add(int, int, int[])} says which sequence uses which.
 */
public interface KvStore extends AutoCloseable {
  /** Positions in a page: a power of two, so that tiles of keys are whole pages. */
  int PAGE_TOKENS = 64;

  /**
   * Pages {@code n·GROUP_PAGES .. (n + 1)·GROUP_PAGES - 1} lie side by side. A sequence is read
   * fastest if its pages come from whole groups in order; its bits do not depend on it.
   */
  int GROUP_PAGES = 8;

  /** Attention layers. */
  int layers();

  /** Heads of every layer. */
  HeadShape shape();

  /** Device memory that one page takes. */
  long pageBytes();

  /** Pages there is memory for. */
  int pages();

  /** Pages the store may ever have. */
  int maxPages();

  /**
   * Sees to it that there is memory for at least {@code pages} pages; may take more, up to {@link
   * #maxPages}.
   *
   * @throws IllegalArgumentException if {@code pages > maxPages()}
   * @throws IllegalStateException if the device has not that much memory
   */
  void grow(int pages);

  /**
   * Zeroes a page: what a sequence has not stored yet is read, though it counts for nothing, and
   * must be a number. New pages are zero; one that served another sequence is to be cleared.
   */
  void clear(int page);

  /** Gives the memory back; idempotent. */
  @Override
  void close();

  /** Pages that {@code tokens} positions take. */
  static int pagesFor(int tokens) {
    return (int) ((tokens + PAGE_TOKENS - 1L) / PAGE_TOKENS);
  }
}
