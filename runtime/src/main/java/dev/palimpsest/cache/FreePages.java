/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.kernels.KvStore;
import java.util.BitSet;

/**
 * Which pages nobody holds. Hands out low numbers first, so that memory grows only when it must,
 * and to each {@link KvStore#GROUP_PAGES} pages of a sequence a group that lies side by side, as
 * long as there is one.
 */
final class FreePages {
  private static final int GROUP = KvStore.GROUP_PAGES;

  private final BitSet free = new BitSet();
  private final int pages;
  private int size;

  FreePages(int pages) {
    this.pages = pages;
    size = pages;
    free.set(0, pages);
  }

  int size() {
    return size;
  }

  /** Takes as many pages as {@code table} has room for; there must be that many. */
  void take(int[] table) {
    for (int i = 0; i < table.length; i += GROUP) {
      int n = Math.min(GROUP, table.length - i);
      int first = neighbours(n);
      for (int j = 0; j < n; j++) {
        int page = first < 0 ? free.nextSetBit(0) : first + j;
        table[i + j] = page;
        free.clear(page);
      }
    }
    size -= table.length;
  }

  /** The first of n free pages of one group, rather of one that is in use already; or −1. */
  private int neighbours(int n) {
    int whole = -1;
    for (int page = free.nextSetBit(0); page >= 0; page = free.nextSetBit(page)) {
      int group = page / GROUP * GROUP;
      int end = Math.min(group + GROUP, pages);
      int run = Math.min(free.nextClearBit(page), end) - page;
      if (run >= n && (run < end - group || n == GROUP)) {
        return page;
      }
      if (run >= n && whole < 0) {
        whole = page;
      }
      page += run;
    }
    return whole;
  }

  void giveBack(int[] table) {
    for (int page : table) {
      free.set(page);
    }
    size += table.length;
  }
}
