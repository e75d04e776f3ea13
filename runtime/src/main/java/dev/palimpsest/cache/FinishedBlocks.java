/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.ActiveBlock;
import dev.palimpsest.process.DiffusionProcess;

/**
 * {@link CacheMode#BLOCK}, for a model whose positions see their own block and those before it.
 * What precedes the block being written is final, so its keys and values are stored once: those of
 * the prompt before or in the first step, those of a block that has been written in the first step
 * of the next one. The block-causal mask makes that exact: rows of the earlier block do not see the
 * later one, and the later one's see what the earlier one's have just stored.
 *
 * <p>A prompt that does not fit into one step is stored by steps of its own, some whole blocks
 * each, which predict nothing.
 */
final class FinishedBlocks implements FeedRule {
  private final int blockLength;
  private final int mostRows;
  // Positions before this one have been stored with their final tokens; a whole number of blocks.
  private int stored;

  /**
   * @param blockLength of the model's attention
   * @param mostRows of a step that stores more than the block being written
   */
  FinishedBlocks(int blockLength, int mostRows) {
    this.blockLength = blockLength;
    this.mostRows = mostRows;
  }

  @Override
  public void choose(DiffusionProcess process, boolean shifted, Feed feed) {
    ActiveBlock active = process.active();
    int open = firstOpen(active);
    int end = (int) Math.min(process.canvas().length(), wholeBlocks(active.to() - 1) + blockLength);
    int from = Math.min(stored, open);
    if (from < open && end - from > mostRows) {
      int some = Math.max(blockLength, mostRows / blockLength * blockLength);
      int to = Math.min(open, from + some);
      feed.begin(to, false);
      feed.addRange(from, to);
      return;
    }
    feed.begin(end, true);
    feed.addRange(shifted ? Math.clamp(active.from() - 1, 0, from) : from, end);
  }

  /** From the second step of a block on: all that precedes it has been stored. */
  @Override
  public boolean steady(DiffusionProcess process) {
    return stored == firstOpen(process.active());
  }

  @Override
  public void stepped(DiffusionProcess process, Feed feed) {
    // Goes back where a mask was left in an earlier block: from there on nothing is final.
    stored = feed.predicts() ? firstOpen(process.active()) : feed.context();
  }

  /** First position of the block that holds the first one that may still change. */
  private int firstOpen(ActiveBlock active) {
    return (int) wholeBlocks(active.from());
  }

  private long wholeBlocks(int position) {
    return (long) position / blockLength * blockLength;
  }
}
