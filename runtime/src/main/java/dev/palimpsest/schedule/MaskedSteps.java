/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.cache.Feed;
import dev.palimpsest.cache.KvPages;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Positions;
import dev.palimpsest.process.Revision;
import java.util.Optional;

/** Steps that predict tokens, with or without a cache of keys and values. */
final class MaskedSteps extends Steps {
  private final DiffusionProcess process;
  private final RequestCache cache;
  private final boolean shifted;
  private final BlockSteps block;
  private int firstPrediction;

  MaskedSteps(DiffusionProcess process, RequestCache cache, boolean shifted) {
    super(process);
    this.process = process;
    this.cache = cache;
    this.shifted = shifted;
    block = new BlockSteps(process, cache, shifted);
  }

  /** Guidance runs a second sequence. */
  @Override
  int countRows() {
    return cache.next(process, shifted).size() * (process.guidance() != 0 ? 2 : 1);
  }

  @Override
  boolean refreshing() {
    return cache.refreshing(process, shifted);
  }

  @Override
  boolean keeps() {
    return cache.keeps();
  }

  @Override
  boolean reserve() {
    return cache.reserve();
  }

  @Override
  void prepare() {
    cache.prepare();
  }

  @Override
  void release() {
    cache.release();
  }

  /** Adds to a batch as much of the canvas as its cache lacks, and the wanted positions. */
  @Override
  void addTo(StepBatch batch) {
    Feed feed = cache.next(process, shifted);
    Canvas canvas = process.canvas();
    int first = addSequence(batch, cache.pages(), feed);
    for (int i = 0; i < feed.size(); i++) {
      batch.tokens()[first + i] = canvas.token(feed.position(i));
    }
    int unconditional = -1;
    if (process.guidance() != 0) {
      unconditional = addSequence(batch, cache.unconditional(), feed);
      int[] tokens = batch.tokens();
      for (int i = 0; i < feed.size(); i++) {
        tokens[unconditional + i] =
            process.fixed(feed.position(i)) ? canvas.maskToken() : tokens[first + i];
      }
    }
    firstPrediction = batch.wanted().size();
    if (feed.predicts()) {
      want(batch, feed, first, unconditional);
    }
  }

  /** Appends the rows that a step feeds; their tokens are still to come. */
  static int addSequence(StepBatch batch, Optional<KvPages> pages, Feed feed) {
    return pages.isPresent()
        ? batch.addSequence(pages.get(), feed.positions(), feed.size(), feed.context())
        : batch.addSequence(feed.size());
  }

  /** Both the wanted positions and those fed ascend. */
  private void want(StepBatch batch, Feed feed, int first, int unconditional) {
    Canvas canvas = process.canvas();
    int row = 0;
    Positions wanted = process.wanted();
    batch.wanted().wantEntropy(process.usesEntropy());
    for (int i = 0; i < wanted.size(); i++) {
      int position = wanted.at(i);
      int from = shifted ? Math.max(position - 1, 0) : position;
      while (feed.position(row) < from) {
        row++;
      }
      if (feed.position(row) != from) {
        throw new IllegalStateException(
            "position " + position + " is to be predicted and " + from + " was not fed");
      }
      batch
          .wanted()
          .add(
              first + row,
              unconditional < 0 ? -1 : unconditional + row,
              process.guidance(),
              process.sampling(),
              process.seed(),
              process.step(),
              position,
              canvas.masked(position) ? PredictionRows.NO_TOKEN : canvas.token(position));
    }
  }

  @Override
  Optional<BlockSteps> nextBlock() {
    return cache.steady(process, shifted) && block.begin() ? Optional.of(block) : Optional.empty();
  }

  @Override
  Optional<Revision> advance(StepBatch batch, Predictions predictions) {
    boolean predicted = cache.next(process, shifted).predicts();
    cache.stepped(process);
    if (!predicted) {
      return Optional.empty();
    }
    Revision revision = process.advance(predictions, firstPrediction);
    cache.revised(revision);
    return Optional.of(revision);
  }
}
