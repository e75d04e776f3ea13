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
import java.util.function.Function;
import java.util.function.Supplier;
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
  private final Function<GenerationResult, RuntimeException> toLate;
  private final Executor executor;
  private final Runnable made;
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
   * @param toLate makes the failure of a request whose deadline has passed from what there is
   * @param executor runs both and the callbacks of the future
   * @param made run once, when neither will be called any more and before any callback
   */
  RunningGeneration(
      int maskToken,
      BiFunction<Canvas, Integer, GenerationResult> toResult,
      Function<GenerationResult, RuntimeException> toLate,
      Executor executor,
      Runnable made) {
    this.replay = new Canvas(maskToken);
    this.toResult = toResult;
    this.toLate = toLate;
    this.executor = executor;
    this.made = made;
    // Nobody waits for a request whose future the caller completed.
    result.whenComplete((r, failure) -> cancel());
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
    end(
        () -> {
          GenerationResult all = makeResult();
          return () -> result.complete(all);
        });
  }

  @Override
  public void expired() {
    end(
        () -> {
          RuntimeException late = toLate.apply(makeResult());
          return () -> result.completeExceptionally(late);
        });
  }

  @Override
  public void failed(Throwable cause) {
    end(() -> () -> result.completeExceptionally(cause));
  }

  private GenerationResult makeResult() {
    return toResult.apply(replay, revisions.isEmpty() ? 0 : revisions.getLast().step());
  }

  @Override
  public boolean cancelled() {
    return cancelled.get();
  }

  /** Ends the stream, then finds out the outcome and completes the future with it elsewhere. */
  private void end(Supplier<Runnable> outcome) {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    executor.execute(
        () -> {
          Runnable completion;
          try {
            completion = outcome.get();
          } catch (RuntimeException | Error e) {
            completion = () -> result.completeExceptionally(e);
          } finally {
            made.run();
          }
          completion.run();
        });
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
