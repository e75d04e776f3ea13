/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.DiffusionProcess;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Owns the device's thread and steps many requests together. Every tick lays the canvases of the
 * requests at the head of the line end to end in one {@link StepBatch}, runs the network once, and
 * lets each process take its step; those that go on queue up behind the rest, so requests join and
 * leave between steps and none starves.
 *
 * <p>Requests start in the order they came, except that those that need no cache do not wait for
 * one that has to wait for pages of it.
 *
 * <p>A fault in one request (its process throws, or the network refuses its tokens) ends that
 * request alone: a batch that fails is run again one request at a time.
 */
public final class Scheduler implements AutoCloseable {
  private final Stepper network;
  private final boolean shiftedLogits;
  private final int maxBatchTokens;
  private final int maxQueued;
  private final Thread thread;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Deque<ScheduledRequest> waiting = new ArrayDeque<>();
  private final Deque<Job<?>> jobs = new ArrayDeque<>();
  private boolean closed;
  private Optional<Throwable> stopped = Optional.empty();

  private final List<ScheduledRequest> admitted = new ArrayList<>();
  private final Deque<ScheduledRequest> running = new ArrayDeque<>();
  private final List<ScheduledRequest> selected = new ArrayList<>();
  // Taken off the line and not run yet; null when there is none.
  private Job<?> job;
  private final StepBatch batch = new StepBatch();
  private final Predictions predictions = new Predictions();

  /**
   * Starts the scheduler's thread.
   *
   * @param network run by that thread alone
   * @param shiftedLogits the network's row i predicts position i + 1
   * @param maxBatchTokens most rows of a batch; a single larger request runs alone
   * @param maxQueued most requests that take part at a time, and most that may wait to be started
   */
  public Scheduler(Stepper network, boolean shiftedLogits, int maxBatchTokens, int maxQueued) {
    this.network = network;
    this.shiftedLogits = shiftedLogits;
    this.maxBatchTokens = maxBatchTokens;
    this.maxQueued = maxQueued;
    thread = Thread.ofPlatform().name("palimpsest-scheduler").daemon().unstarted(this::loop);
    thread.start();
  }

  /**
   * Queues a request without a cache; see {@link #submit(DiffusionProcess, RequestCache,
   * RequestObserver)}.
   */
  public void submit(DiffusionProcess process, RequestObserver observer) {
    submit(process, RequestCache.none(), observer);
  }

  /**
   * Queues a request.
   *
   * @param cache takes its pages before the request starts and gives them back when it has ended,
   *     both on the scheduler's thread
   * @throws QueueFullException if {@code maxQueued} requests are waiting
   * @throws IllegalStateException if closed
   */
  public void submit(DiffusionProcess process, RequestCache cache, RequestObserver observer) {
    ScheduledRequest request = new ScheduledRequest(process, cache, shiftedLogits, observer);
    lock.lock();
    try {
      refuseIfClosed();
      if (waiting.size() >= maxQueued) {
        throw new QueueFullException(maxQueued);
      }
      waiting.add(request);
      work.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Runs {@code work} on the device's thread between two steps and answers its result. */
  public <T> CompletableFuture<T> call(Supplier<T> work) {
    Job<T> job = new Job<>(work, new CompletableFuture<>());
    lock.lock();
    try {
      refuseIfClosed();
      jobs.add(job);
      this.work.signal();
    } finally {
      lock.unlock();
    }
    return job.result;
  }

  private record Job<T>(Supplier<T> work, CompletableFuture<T> result) {
    void run() {
      try {
        result.complete(work.get());
      } catch (RuntimeException e) {
        result.completeExceptionally(e);
      }
    }
  }

  private void refuseIfClosed() {
    if (closed) {
      throw stopped
          .map(e -> new IllegalStateException("the engine has stopped after " + e, e))
          .orElseGet(() -> new IllegalStateException("the engine is closed"));
    }
  }

  private void loop() {
    Throwable end = new CancellationException("the engine was closed");
    try {
      while (turn()) {}
    } catch (RuntimeException | Error e) {
      end = new IllegalStateException("the scheduler stopped: " + e, e);
      stop(e);
      throw e;
    } finally {
      endEverything(end);
    }
  }

  private void stop(Throwable cause) {
    lock.lock();
    try {
      closed = true;
      stopped = Optional.of(cause);
    } finally {
      lock.unlock();
    }
  }

  /** Admits what waits, then runs one job and one step; false once closed. */
  private boolean turn() {
    lock.lock();
    try {
      while (!closed && jobs.isEmpty() && waiting.isEmpty() && running.isEmpty()) {
        work.awaitUninterruptibly();
      }
      if (closed) {
        return false;
      }
      takeWaiting();
      job = jobs.poll();
    } finally {
      lock.unlock();
    }
    admitted.forEach(this::admit);
    admitted.clear();
    if (job != null) {
      job.run();
      job = null;
    }
    tick();
    return true;
  }

  /**
   * Moves to {@link #admitted} who can start: all but the first that lacks pages and those behind
   * it that need some too.
   */
  private void takeWaiting() {
    boolean noPages = false;
    for (Iterator<ScheduledRequest> line = waiting.iterator(); line.hasNext(); ) {
      ScheduledRequest next = line.next();
      if (!next.cancelled() && running.size() + admitted.size() >= maxQueued) {
        continue;
      }
      if (!next.cancelled() && next.caches() && (noPages || !reserve(next))) {
        noPages = true;
      } else {
        line.remove();
        admitted.add(next);
      }
    }
  }

  /** False if the request has to wait for pages; one whose pages cannot be made has failed. */
  private static boolean reserve(ScheduledRequest request) {
    try {
      return request.reserve();
    } catch (RuntimeException e) {
      request.fail(e);
      return true;
    }
  }

  private void endEverything(Throwable cause) {
    List<Job<?>> unrun;
    lock.lock();
    try {
      closed = true;
      running.addAll(selected);
      running.addAll(admitted);
      running.addAll(waiting);
      waiting.clear();
      unrun = List.copyOf(jobs);
      jobs.clear();
    } finally {
      lock.unlock();
    }
    for (ScheduledRequest request : running) {
      try {
        request.fail(cause);
      } catch (RuntimeException e) {
        System.getLogger(Scheduler.class.getName())
            .log(System.Logger.Level.WARNING, "a request could not be told of its end", e);
      }
    }
    running.clear();
    if (job != null) {
      job.result.completeExceptionally(cause);
    }
    unrun.forEach(job -> job.result.completeExceptionally(cause));
  }

  private void admit(ScheduledRequest request) {
    if (request.ended()) {
      return;
    }
    if (request.cancelled()) {
      request.fail(new CancellationException("the request was cancelled"));
      return;
    }
    try {
      request.start();
      if (request.finished()) {
        request.finish();
      } else {
        running.add(request);
      }
    } catch (RuntimeException e) {
      request.fail(e);
    }
  }

  private void tick() {
    long rows = 0;
    while (!running.isEmpty()) {
      ScheduledRequest next = running.peek();
      if (next.cancelled()) {
        running.poll().fail(new CancellationException("the request was cancelled"));
        continue;
      }
      if (!selected.isEmpty() && rows + next.rows() > maxBatchTokens) {
        break;
      }
      rows += next.rows();
      selected.add(running.poll());
    }
    if (!selected.isEmpty()) {
      step();
      selected.clear();
    }
  }

  private void step() {
    try {
      forward(selected);
    } catch (RuntimeException e) {
      stepOneByOne(e);
      return;
    }
    selected.forEach(this::advance);
  }

  /** After a failed batch: whoever fails alone is at fault, the others lose nothing. */
  private void stepOneByOne(RuntimeException batchFailure) {
    if (selected.size() == 1) {
      selected.getFirst().fail(batchFailure);
      return;
    }
    for (ScheduledRequest request : selected) {
      try {
        forward(List.of(request));
      } catch (RuntimeException e) {
        request.fail(e);
        continue;
      }
      advance(request);
    }
  }

  private void forward(List<ScheduledRequest> requests) {
    StepEvent event = new StepEvent();
    event.begin();
    batch.clear();
    int refreshes = 0;
    for (ScheduledRequest request : requests) {
      request.addTo(batch);
      refreshes += request.refreshing() ? 1 : 0;
    }
    network.forward(batch, predictions);
    event.end();
    if (event.shouldCommit()) {
      event.sequences = batch.spans().sequences();
      event.rows = batch.rows();
      event.refreshes = refreshes;
      event.predictions = predictions.size();
      event.waiting = running.size();
      event.commit();
    }
  }

  private void advance(ScheduledRequest request) {
    try {
      request.advance(predictions);
      if (request.finished()) {
        request.finish();
      } else {
        running.add(request);
      }
    } catch (RuntimeException e) {
      request.fail(e);
    }
  }

  /** Cancels what waits and runs, and waits for the thread to end; idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      work.signal();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive() && Thread.currentThread() != thread) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
