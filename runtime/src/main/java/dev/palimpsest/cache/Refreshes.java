/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.ActiveBlock;

/** When a step feeds the whole canvas: as a block begins, and every so many steps if asked. */
final class Refreshes {
  private final int every;
  private int block = -1;
  private int since;

  /**
   * @param every steps from one refresh to the next within a block; 0 for none
   */
  Refreshes(int every) {
    this.every = every;
  }

  /** Whether the next step is one. */
  boolean due(ActiveBlock active) {
    return active.index() != block || (every > 0 && since >= every);
  }

  /** Whether no step of the block will be one any more. */
  boolean over(ActiveBlock active) {
    return every == 0 && !due(active);
  }

  /** The step over {@code active} has been taken. */
  void stepped(ActiveBlock active) {
    since = due(active) ? 1 : since + 1;
    block = active.index();
  }
}
