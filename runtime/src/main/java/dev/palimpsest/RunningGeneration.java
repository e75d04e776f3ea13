/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Revision;
import dev.palimpsest.schedule.RequestObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Collects a request's revisions on the scheduler's thread and hands them to whoever reads, however
 * late. Results are made and callbacks run on another executor, so that user code never holds up
 * the device.
 */
final class RunningGeneration implements Generation, RequestObserver {
  private final Canvas replay;
  private final BiFunction<Canvas, Integer, GenerationResult> toResult;
  private final Executor executor;
  private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
  private final AtomicBoolean cancelled = new AtomicBoolean();
  private final AtomicBoolean streamed = new AtomicBoolean();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Revision> revisions = new ArrayList<>();
  private boolean ended;

  /**
   * @param maskToken of the canvas
   * @param toResult makes the result from the final canvas and the number of network calls
   * @param executor runs {@code toResult} and the callbacks of the future
   */
  RunningGeneration(
      int maskToken, BiFunction<Canvas, Integer, GenerationResult> toResult, Executor executor) {
    this.replay = new Canvas(maskToken);
    this.toResult = toResult;
    this.executor = executor;
    result.whenComplete(
        (r, failure) -> {
          if (result.isCancelled()) {
            cancelled.set(true);
          }
        });
  }

  @Override
  public void revised(Revision revision) {
    replay.apply(revision);
    lock.lock();
    try {
      revisions.add(revision);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void finished() {
    int steps = revisions.getLast().step();
    end();
    result.completeAsync(() -> toResult.apply(replay, steps), executor);
  }

  @Override
  public void failed(Throwable cause) {
    end();
    executor.execute(() -> result.completeExceptionally(cause));
  }

  @Override
  public boolean cancelled() {
    return cancelled.get();
  }

  private void end() {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public CompletableFuture<GenerationResult> result() {
    return result;
  }

  @Override
  public void cancel() {
    cancelled.set(true);
  }

  @Override
  public Stream<Revision> revisions() {
    if (!streamed.compareAndSet(false, true)) {
      throw new IllegalStateException("the revisions of a generation can be streamed once");
    }
    Spliterator<Revision> source =
        new Spliterators.AbstractSpliterator<>(
            Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.NONNULL) {
          private int next;

          @Override
          public boolean tryAdvance(Consumer<? super Revision> action) {
            Revision revision = await(next);
            if (revision == null) {
              return false;
            }
            next++;
            action.accept(revision);
            return true;
          }
        };
    return StreamSupport.stream(source, false);
  }

  /** Revision {@code index} once it is there; null when the generation ended before. */
  private Revision await(int index) {
    lock.lock();
    try {
      while (index >= revisions.size() && !ended) {
        changed.awaitUninterruptibly();
      }
      return index < revisions.size() ? revisions.get(index) : null;
    } finally {
      lock.unlock();
    }
  }
}
