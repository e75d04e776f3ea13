/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.ActiveBlock;
import dev.palimpsest.process.DiffusionProcess;

/**
 * {@link CacheMode#PREFIX} and {@link CacheMode#DUAL}: between refreshes the block, and what
 * follows it or not.
 */
final class RefreshedBlocks implements FeedRule {
  private final boolean feedsWhatFollows;
  private final Refreshes refreshes;

  RefreshedBlocks(boolean feedsWhatFollows, int refreshEvery) {
    this.feedsWhatFollows = feedsWhatFollows;
    refreshes = new Refreshes(refreshEvery);
  }

  @Override
  public void choose(DiffusionProcess process, boolean shifted, Feed feed) {
    int length = process.canvas().length();
    ActiveBlock active = process.active();
    feed.begin(length, true);
    if (refreshes.due(active)) {
      feed.addRange(0, length);
    } else {
      feed.addRange(
          Math.max(0, active.from() - (shifted ? 1 : 0)), feedsWhatFollows ? length : active.to());
    }
  }

  /** From the second step of a block on. */
  @Override
  public boolean steady(DiffusionProcess process) {
    return refreshes.over(process.active());
  }

  @Override
  public void stepped(DiffusionProcess process, Feed feed) {
    refreshes.stepped(process.active());
  }
}
