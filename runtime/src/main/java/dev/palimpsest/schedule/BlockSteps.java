/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.cache.Feed;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.BlockBatch;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.MaskedBlock;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Positions;
import dev.palimpsest.process.Revision;
import java.util.Optional;

/**
 * The steps of a block that the device takes alone. The process then takes the same steps from what
 * was predicted in them, so that it has the last word, and its revisions are those of any other way
 * to decode.
 */
final class BlockSteps {
  private final DiffusionProcess process;
  private final RequestCache cache;
  private final boolean shifted;
  private final Positions open = new Positions();
  private Optional<MaskedBlock> block = Optional.empty();
  private int firstRow;
  private int firstPosition;
  private int number;

  BlockSteps(DiffusionProcess process, RequestCache cache, boolean shifted) {
    this.process = process;
    this.cache = cache;
    this.shifted = shifted;
  }

  /** Whether there is a block of that kind now; notes its masks if there is. */
  boolean begin() {
    block = process.block();
    open.clear();
    if (block.isPresent()) {
      open.addAll(process.wanted());
    }
    return block.isPresent();
  }

  /** Masks of the block that was begun. */
  int masks() {
    return open.size();
  }

  /** Adds what a step feeds to a batch, and the block to those that the device writes. */
  void addTo(StepBatch batch) {
    Canvas canvas = process.canvas();
    Feed feed = cache.next(process, shifted);
    int rows = feed.size();
    firstPosition = feed.position(0);
    firstRow = MaskedSteps.addSequence(batch, cache.pages(), feed);
    for (int i = 0; i < rows; i++) {
      batch.tokens()[firstRow + i] = canvas.token(firstPosition + i);
    }
    int firstEntry = batch.wanted().size();
    batch.wanted().wantEntropy(process.usesEntropy());
    for (int i = 0; i < open.size(); i++) {
      int position = open.at(i);
      batch
          .wanted()
          .add(
              firstRow + (shifted ? Math.max(position - 1, 0) : position) - firstPosition,
              process.sampling(),
              process.seed(),
              process.step(),
              position);
    }
    number = batch.blocks().size();
    batch
        .blocks()
        .add(
            new BlockBatch.Placed(
                block.orElseThrow(), firstRow, rows, firstPosition, firstEntry, open.size()));
  }

  /** Steps that the device has taken. */
  int taken(BlockLoop loop) {
    return loop.steps(number);
  }

  /**
   * Takes a step that the device has taken.
   *
   * @param at its number, from 0 on
   * @param predictions room for what was predicted
   * @throws IllegalStateException if the predictions were broken
   */
  Revision follow(BlockLoop loop, int at, Predictions predictions) {
    // What is wanted now is some of what was open at the beginning.
    Positions wanted = process.wanted();
    predictions.resize(wanted.size());
    int entry = 0;
    for (int i = 0; i < wanted.size(); i++) {
      int position = wanted.at(i);
      while (entry < open.size() && open.at(entry) < position) {
        entry++;
      }
      if (entry == open.size() || open.at(entry) != position) {
        throw new IllegalStateException(
            "the device has taken steps of a block beyond its end, at position " + position);
      }
      loop.read(number, at, entry, i, predictions);
    }
    cache.next(process, shifted);
    cache.stepped(process);
    Revision revision = process.advance(predictions, 0);
    cache.revised(revision);
    return revision;
  }

  /**
   * Refuses what the device has written if its predictions make something else of the canvas.
   *
   * @throws IllegalStateException if they do
   */
  void compare(BlockLoop loop) {
    for (int i = 0; i < open.size(); i++) {
      int position = open.at(i);
      int there = loop.token(firstRow + position - firstPosition);
      int here = process.canvas().token(position);
      if (there != here) {
        throw new IllegalStateException(
            "the device has written token %d at position %d where its predictions make %d; loop host does without it"
                .formatted(there, position, here));
      }
    }
  }
}
