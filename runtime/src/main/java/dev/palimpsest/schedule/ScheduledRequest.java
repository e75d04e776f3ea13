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

/**
 * A request inside the scheduler: its process, its cache, its place in line, where its predictions
 * start in the current batch, and its clock.
 */
final class ScheduledRequest {
  private final DiffusionProcess process;
  private final RequestCache cache;
  private final boolean shifted;
  private final RequestObserver observer;
  private final int priority;
  private final RequestEvent event = new RequestEvent();
  private final long submitted;
  private final long allowed;
  private final long wished;
  private long stepped;
  private long perStep;
  private long due;
  private long place;
  private int rows;
  private int firstPrediction;
  private boolean ended;

  /**
   * @param shifted row i of the logits predicts position i + 1
   * @param now the scheduler's clock, as in all that follows
   */
  ScheduledRequest(
      DiffusionProcess process,
      RequestCache cache,
      Terms terms,
      boolean shifted,
      RequestObserver observer,
      long now) {
    submitted = now;
    this.process = process;
    this.cache = cache;
    this.shifted = shifted;
    this.observer = observer;
    priority = terms.priority();
    allowed = terms.deadline().map(Terms::nanoseconds).orElse(Long.MAX_VALUE);
    wished = terms.finishWithin().map(Terms::nanoseconds).orElse(Long.MAX_VALUE);
    event.begin();
  }

  int priority() {
    return priority;
  }

  /** The tick by which it should step: the lower goes first. */
  long due() {
    return due;
  }

  /** Orders those that are due at the same tick. */
  long place() {
    return place;
  }

  void place(long due, long place) {
    this.due = due;
    this.place = place;
  }

  /** Whether its deadline has passed. */
  boolean late(long now) {
    return now - submitted >= allowed;
  }

  boolean cancelled() {
    return observer.cancelled();
  }

  boolean finished() {
    return process.finished();
  }

  /** Rows this request takes in the next batch; guidance runs a second sequence. */
  int countRows() {
    rows = cache.next(process, shifted).size() * (process.guidance() != 0 ? 2 : 1);
    return rows;
  }

  /** As last counted. */
  int rows() {
    return rows;
  }

  /** Whether the next batch refreshes its cache. */
  boolean refreshing() {
    return cache.refreshing(process, shifted);
  }

  /** Whether it needs pages of the cache. */
  boolean caches() {
    return cache.keeps();
  }

  /** Takes its pages; false if it has to wait for others to give theirs back. */
  boolean reserve() {
    return cache.reserve();
  }

  void start(long now) {
    event.queued = now - submitted;
    stepped = now;
    cache.prepare();
    observer.revised(process.start());
  }

  /**
   * Adds to a batch as much of this request's canvas as its cache lacks, and the wanted positions.
   */
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

  private static int addSequence(StepBatch batch, Optional<KvPages> pages, Feed feed) {
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

  /** Takes the step, unless it only stored keys and values. */
  void advance(Predictions predictions, long now) {
    boolean predicted = cache.next(process, shifted).predicts();
    cache.stepped(process);
    if (predicted) {
      Revision revision = process.advance(predictions, firstPrediction);
      cache.revised(revision);
      observer.revised(revision);
    }
    if (wished != Long.MAX_VALUE) {
      hurry(now);
    }
  }

  /** Only between a step and the choice of what the next one feeds. */
  private void hurry(long now) {
    long took = Math.max(1, now - stepped);
    stepped = now;
    perStep = perStep == 0 ? took : (perStep + took) / 2;
    long stepsLeft = (wished - (now - submitted)) / perStep;
    process.hurry(Math.clamp(stepsLeft, 1, Integer.MAX_VALUE));
  }

  void finish() {
    end("finished", observer::finished);
  }

  /** Ends a request whose deadline has passed, unless it has ended already. */
  void expire() {
    end("expired", observer::expired);
  }

  /** Ends the request unless it has ended already. */
  void fail(Throwable cause) {
    end(cause.getClass().getSimpleName(), () -> observer.failed(cause));
  }

  boolean ended() {
    return ended;
  }

  private void end(String outcome, Runnable tell) {
    if (ended) {
      return;
    }
    ended = true;
    cache.release();
    event.end();
    if (event.shouldCommit()) {
      event.length = process.canvas().length();
      event.steps = process.step();
      event.outcome = outcome;
      event.commit();
    }
    try {
      tell.run();
    } catch (RuntimeException e) {
      System.getLogger(ScheduledRequest.class.getName())
          .log(System.Logger.Level.WARNING, "a request could not be told of its end", e);
    }
  }
}
