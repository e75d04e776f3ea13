/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Revision;

/** Which positions the steps of one request feed. Keeps account of what has been stored. */
sealed interface FeedRule
    permits WholeCanvas, RefreshedBlocks, DelayedTokens, FinishedBlocks, WrittenTokens {
  /**
   * Chooses what the next step feeds: every row that the process wants predicted from among it.
   * Changes nothing else, so that a step that failed can be chosen again.
   *
   * @param shifted row i of the logits predicts position i + 1, so the row before each wanted
   *     position is fed too
   */
  void choose(DiffusionProcess process, boolean shifted, Feed feed);

  /**
   * Whether all steps feed what the next one does until the block is over, so that one after the
   * other can be taken without asking. By default they do not.
   */
  default boolean steady(DiffusionProcess process) {
    return false;
  }

  /** The step chosen last has been taken, and {@code process} has not advanced yet. */
  default void stepped(DiffusionProcess process, Feed feed) {}

  /** What the process made of that step. */
  default void revised(Revision revision) {}
}
