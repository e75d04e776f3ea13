/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.kernels.Tensor;
import java.util.Arrays;

/** The slots of one request, until it gives them back. */
public final class LatentSlots {
  private final LatentPool pool;
  private final int[] table;
  private boolean released;

  LatentSlots(LatentPool pool, int[] table) {
    this.pool = pool;
    this.table = table;
  }

  /**
   * Sees to it that there is memory.
   *
   * @throws IllegalStateException if the device has less than the budget
   */
  public void prepare() {
    pool.grow(Arrays.stream(table).max().orElse(0));
  }

  /** Where the latents of all requests lie now. */
  public Tensor state() {
    return pool.state();
  }

  /** The slot of the i-th position. */
  public int slot(int i) {
    return table[i];
  }

  /** Gives the slots back; idempotent. */
  public void release() {
    if (!released) {
      released = true;
      pool.takeBack(table);
    }
  }
}
