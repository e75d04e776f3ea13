/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.DiffusionProcess;

/**
 * What a causal model is fed: all that precedes the position to be written and is not stored yet.
 * With a cache that is the prompt, in the first step or in several that predict nothing, and then
 * the token written last, one row a step; without one it is the whole text so far. What has not
 * been written is never fed, and the context ends before it.
 */
final class WrittenTokens implements FeedRule {
  private final boolean keeps;
  private final int mostRows;
  private int stored;

  private WrittenTokens(boolean keeps, int mostRows) {
    this.keeps = keeps;
    this.mostRows = mostRows;
  }

  /**
   * @param mostRows of a step; a longer prompt is stored over several
   */
  static WrittenTokens kept(int mostRows) {
    return new WrittenTokens(true, mostRows);
  }

  /** Nothing is stored. */
  static WrittenTokens again() {
    return new WrittenTokens(false, Integer.MAX_VALUE);
  }

  @Override
  public void choose(DiffusionProcess process, boolean shifted, Feed feed) {
    int next = process.active().from();
    int to = Math.min(next, (int) Math.min(Integer.MAX_VALUE, (long) stored + mostRows));
    feed.begin(to, to == next);
    feed.addRange(stored, to);
  }

  @Override
  public void stepped(DiffusionProcess process, Feed feed) {
    stored = keeps ? feed.context() : 0;
  }
}
