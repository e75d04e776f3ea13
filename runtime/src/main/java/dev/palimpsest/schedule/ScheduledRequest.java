/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import java.util.Optional;

/** A request inside the scheduler: its steps, its place in line, and its clock. */
final class ScheduledRequest {
  private final Steps steps;
  private final RequestObserver observer;
  private final Runnable gone;
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
  private boolean started;
  private boolean ended;

  /**
   * @param gone run when a request that has started ends, before the observer is told
   * @param now the scheduler's clock, as in all that follows
   */
  ScheduledRequest(Steps steps, Terms terms, RequestObserver observer, Runnable gone, long now) {
    submitted = now;
    this.steps = steps;
    this.observer = observer;
    this.gone = gone;
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
    return steps.process().finished();
  }

  /** Rows this request takes in the next batch. */
  int countRows() {
    rows = steps.countRows();
    return rows;
  }

  /** As last counted. */
  int rows() {
    return rows;
  }

  /** Whether its next step fills or refreshes what it keeps. */
  boolean refreshing() {
    return steps.refreshing();
  }

  /** Whether it needs memory of its own before it starts. */
  boolean caches() {
    return steps.keeps();
  }

  /** Takes that memory; false if it has to wait for others to give theirs back. */
  boolean reserve() {
    return steps.reserve();
  }

  void start(long now) {
    started = true;
    event.queued = now - submitted;
    stepped = now;
    steps.prepare();
    observer.revised(steps.process().start());
  }

  /** Adds its next step to a batch. */
  void addTo(StepBatch batch) {
    steps.addTo(batch);
  }

  /** Takes the step, unless it only stored keys and values. */
  void advance(StepBatch batch, Predictions predictions, long now) {
    steps.advance(batch, predictions).ifPresent(observer::revised);
    if (wished != Long.MAX_VALUE) {
      hurry(now);
    }
  }

  /** The block that the device can write alone; nobody's whose time is short. */
  Optional<BlockSteps> block() {
    boolean timed = allowed != Long.MAX_VALUE || wished != Long.MAX_VALUE;
    return timed ? Optional.empty() : steps.block();
  }

  /** Takes the steps that the device has taken alone. */
  void follow(BlockSteps block, BlockLoop loop, Predictions predictions) {
    int taken = block.taken(loop);
    for (int i = 0; i < taken && !finished(); i++) {
      observer.revised(block.follow(loop, i, predictions));
    }
    // A text that has ended is filled up by the host alone.
    if (!finished()) {
      block.compare(loop);
    }
  }

  /** Only between a step and the choice of what the next one feeds. */
  private void hurry(long now) {
    long took = Math.max(1, now - stepped);
    stepped = now;
    perStep = perStep == 0 ? took : (perStep + took) / 2;
    long stepsLeft = (wished - (now - submitted)) / perStep;
    steps.process().hurry(Math.clamp(stepsLeft, 1, Integer.MAX_VALUE));
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
    steps.release();
    if (started) {
      gone.run();
    }
    event.end();
    if (event.shouldCommit()) {
      event.length = steps.process().canvas().length();
      event.steps = steps.process().step();
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
