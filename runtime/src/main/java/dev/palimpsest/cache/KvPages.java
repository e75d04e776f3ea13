/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.kernels.KvStore;

/** The pages of one sequence, from {@link KvPool#reserve}; returned by {@link #release}. */
public final class KvPages {
  private final KvPool pool;
  private final int length;
  private final int[] table;
  private boolean released;

  KvPages(KvPool pool, int length, int[] table) {
    this.pool = pool;
    this.length = length;
    this.table = table;
  }

  /** Positions of the sequence. */
  public int length() {
    return length;
  }

  /** Page of each {@link KvStore#PAGE_TOKENS} positions, in order. */
  public int[] table() {
    return table;
  }

  /** Where the pages lie. */
  public KvStore store() {
    return pool.store();
  }

  /**
   * Sees to it that there is memory for the pages.
   *
   * @throws IllegalStateException if the device has less memory than the pool's budget
   */
  public void prepare() {
    pool.prepare(table);
  }

  /** Gives the pages back; idempotent. */
  public void release() {
    if (!released) {
      released = true;
      pool.takeBack(table);
    }
  }
}
