/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.LatentBatch;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.DiffusionProcess;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Owns the device's thread and steps many requests together. Every tick lays canvases end to end in
 * one {@link StepBatch}, whole ones and blocks alike, runs the network once, and lets each process
 * take its step; requests join and leave between ticks.
 *
 * <p><b>Who goes first.</b> A request that starts or steps at tick t is due again at {@code t −
 * 4·priority}: each level of {@link Terms#priority} counts as four ticks already waited. The batch
 * takes requests in the order they are due, skips those that would make it larger than {@code
 * maxBatchTokens} rows, and goes on with those behind. A step that is larger than that by itself
 * runs alone once it is first, and is due later by the ticks it would have filled beyond one.
 *
 * <p><b>How long a request waits at most.</b> Let it have priority p and feed r rows a step, let
 * the highest priority beside it be q, n the number of other running requests, and B {@code
 * maxBatchTokens}. It steps at least every {@code 4·max(0, q − p) + ⌈r / B⌉ + n} ticks, whatever
 * arrives meanwhile. If r ≤ B / 2, n may be replaced by {@code 2·R / B}, where R is the sum of the
 * rows of the others.
 *
 * <p><b>Who starts.</b> At most {@code maxQueued} requests run at a time. Those that wait start in
 * the same order, due from the tick of their submission, except that those that need no cache do
 * not wait for one that has to wait for pages of it.
 *
 * <p><b>Kinds of diffusion.</b> Requests that predict tokens and requests that denoise latents
 * share ticks and batches; each tick runs the networks that its requests need. What latents keep on
 * the device is reserved like pages of the cache.
 *
 * <p>A fault in one request (its process throws, or the network refuses its tokens) ends that
 * request alone: a batch that fails is run again one request at a time. Cancelled and expired
 * requests leave, and their pages are free, before the next batch.
 */
public final class Scheduler implements AutoCloseable {
  /** Failures of the device's own loop, one after the other, after which it is not asked again. */
  private static final int MOST_LOOP_FAILURES = 3;

  /** Ticks of waiting that a level of priority is worth. */
  static final int TICKS_PER_LEVEL = 4;

  private enum State {
    OPEN,
    /** Takes nothing new, ends when all is done. */
    DRAINING,
    CLOSED
  }

  private final Stepper network;
  private final boolean shiftedLogits;
  private final int maxBatchTokens;
  private final int maxQueued;
  private final LongSupplier clock;
  private final Thread thread;

  // One permit for each request that may still wait.
  private final Semaphore room;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Deque<ScheduledRequest> arrived = new ArrayDeque<>();
  private final Deque<Job<?>> jobs = new ArrayDeque<>();
  private State state = State.OPEN;
  private Optional<Throwable> stopped = Optional.empty();

  // The rest belongs to the thread.
  private final Line waiting = new Line();
  private final Line waitingForPages = new Line();
  private final Line running = new Line();
  private final List<ScheduledRequest> selected = new ArrayList<>();
  private final List<ScheduledRequest> skipped = new ArrayList<>();
  // Taken off its queue and not run yet; null when there is none.
  private Job<?> job;
  private final StepBatch batch = new StepBatch();
  private final BlockRun blocks;
  private final Predictions predictions = new Predictions();
  private long tick;
  private int loopFailures;

  // Written by the thread alone.
  private volatile int runningNow;
  private volatile boolean drained;

  /**
   * Starts the scheduler's thread.
   *
   * @param network run by that thread alone
   * @param shiftedLogits the network's row i predicts position i + 1
   * @param maxBatchTokens most rows of a batch; a single larger request runs alone
   * @param maxQueued most requests that run at a time, and most that may wait to be started
   */
  public Scheduler(Stepper network, boolean shiftedLogits, int maxBatchTokens, int maxQueued) {
    this(network, shiftedLogits, maxBatchTokens, maxQueued, System::nanoTime);
  }

  /**
   * As above, with another clock than {@link System#nanoTime}.
   *
   * @param clock nanoseconds, which deadlines are measured by
   */
  public Scheduler(
      Stepper network,
      boolean shiftedLogits,
      int maxBatchTokens,
      int maxQueued,
      LongSupplier clock) {
    this.clock = clock;
    this.network = network;
    blocks = new BlockRun(network);
    this.shiftedLogits = shiftedLogits;
    this.maxBatchTokens = maxBatchTokens;
    this.maxQueued = maxQueued;
    room = new Semaphore(maxQueued, true);
    thread = Thread.ofPlatform().name("palimpsest-scheduler").daemon().unstarted(this::loop);
    thread.start();
  }

  /** Queues a request without a cache, on {@link Terms#DEFAULT}. */
  public void submit(DiffusionProcess process, RequestObserver observer) {
    submit(process, RequestCache.none(), Terms.DEFAULT, observer);
  }

  /**
   * Queues a request.
   *
   * @param cache takes its pages before the request starts and gives them back when it has ended,
   *     both on the scheduler's thread
   * @throws QueueFullException if {@code maxQueued} requests are waiting, or somebody waits to
   *     submit one
   * @throws IllegalStateException if closed or draining
   */
  public void submit(
      DiffusionProcess process, RequestCache cache, Terms terms, RequestObserver observer) {
    submit(Steps.masked(process, cache, shiftedLogits), terms, observer);
  }

  /**
   * As above, for any kind of diffusion.
   *
   * @param steps take their memory before the request starts and give it back when it has ended,
   *     both on the scheduler's thread
   */
  public void submit(Steps steps, Terms terms, RequestObserver observer) {
    refuseUnlessOpen();
    if (room.hasQueuedThreads() || !room.tryAcquire()) {
      throw new QueueFullException(maxQueued);
    }
    enqueue(request(steps, terms, observer));
  }

  /**
   * Queues a request, waiting for room in the queue if there is none; who waits longest is first. A
   * virtual thread that waits does not hold on to its carrier.
   *
   * @param patience how long to wait at most
   * @throws QueueFullException if there was no room all that time
   * @throws IllegalStateException if closed or draining, also while waiting
   * @throws InterruptedException if interrupted while waiting; nothing has been queued
   */
  public void submit(
      DiffusionProcess process,
      RequestCache cache,
      Terms terms,
      RequestObserver observer,
      Duration patience)
      throws InterruptedException {
    submit(Steps.masked(process, cache, shiftedLogits), terms, observer, patience);
  }

  /** As above, for any kind of diffusion. */
  public void submit(Steps steps, Terms terms, RequestObserver observer, Duration patience)
      throws InterruptedException {
    // Before the wait: the deadline counts from here.
    ScheduledRequest request = request(steps, terms, observer);
    refuseUnlessOpen();
    if (!room.tryAcquire(Terms.nanoseconds(patience), TimeUnit.NANOSECONDS)) {
      throw new QueueFullException(maxQueued);
    }
    enqueue(request);
  }

  private ScheduledRequest request(Steps steps, Terms terms, RequestObserver observer) {
    return new ScheduledRequest(steps, terms, observer, this::gone, clock.getAsLong());
  }

  /** A request that took part does so no more; it has not been told yet. */
  private void gone() {
    runningNow--;
  }

  /** Queues a request that has taken its place of {@link #room}. */
  private void enqueue(ScheduledRequest request) {
    lock.lock();
    try {
      if (state != State.OPEN) {
        // Wakes the next who waits for room, to be refused as well.
        room.release();
      }
      refuseUnlessOpen();
      arrived.add(request);
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
      refuseUnlessOpen();
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

  private void refuseUnlessOpen() {
    lock.lock();
    try {
      if (state != State.OPEN) {
        throw stopped
            .map(e -> new IllegalStateException("the engine has stopped after " + e, e))
            .orElseGet(
                () ->
                    new IllegalStateException(
                        state == State.DRAINING
                            ? "the engine is closing and takes no more requests"
                            : "the engine is closed"));
      }
    } finally {
      lock.unlock();
    }
  }

  /** Requests that take part in the batches now; one that has been told of its end does not. */
  public int running() {
    return runningNow;
  }

  /** Requests that wait to be started now. */
  public int waiting() {
    return Math.max(0, maxQueued - room.availablePermits());
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
      state = State.CLOSED;
      stopped = Optional.of(cause);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes in what is new, lets go what is over, then runs one job and one step; false at the end.
   */
  private boolean turn() {
    if (!receive()) {
      return false;
    }
    long now = clock.getAsLong();
    dismiss(waiting, now, true);
    dismiss(waitingForPages, now, true);
    dismiss(running, now, false);
    startWaiting();
    if (job != null) {
      job.run();
      job = null;
    }
    step();
    return true;
  }

  /** Waits until there is anything to do; false once closed, or drained. */
  private boolean receive() {
    lock.lock();
    try {
      while (state != State.CLOSED && arrived.isEmpty() && jobs.isEmpty() && idle()) {
        if (state == State.DRAINING) {
          drained = true;
          return false;
        }
        work.awaitUninterruptibly();
      }
      if (state == State.CLOSED) {
        return false;
      }
      while (!arrived.isEmpty()) {
        ScheduledRequest request = arrived.remove();
        (request.caches() ? waitingForPages : waiting).add(request, due(request));
      }
      job = jobs.poll();
      return true;
    } finally {
      lock.unlock();
    }
  }

  private boolean idle() {
    return running.isEmpty() && waiting.isEmpty() && waitingForPages.isEmpty();
  }

  /** When a request that starts, steps or comes now is due. */
  private long due(ScheduledRequest request) {
    return tick - (long) TICKS_PER_LEVEL * request.priority();
  }

  private void dismiss(Line line, long now, boolean givesRoom) {
    line.dismiss(
        request -> request.cancelled() || request.late(now),
        request -> {
          if (request.cancelled()) {
            request.fail(new CancellationException("the request was cancelled"));
          } else {
            request.expire();
          }
          if (givesRoom) {
            room.release();
          }
        });
  }

  private void startWaiting() {
    boolean pages = true;
    while (running.size() < maxQueued) {
      Optional<ScheduledRequest> cached = pages ? waitingForPages.first() : Optional.empty();
      Optional<ScheduledRequest> plain = waiting.first();
      if (cached.isEmpty() && plain.isEmpty()) {
        return;
      }
      if (cached.isEmpty()
          || (plain.isPresent() && Line.ORDER.compare(plain.get(), cached.get()) <= 0)) {
        start(waiting.take());
      } else if (reserve(cached.get())) {
        start(waitingForPages.take());
      } else {
        pages = false;
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

  private void start(ScheduledRequest request) {
    room.release();
    if (request.ended()) {
      return;
    }
    try {
      runningNow++;
      request.start(clock.getAsLong());
      goOn(request, 0);
    } catch (RuntimeException e) {
      request.fail(e);
    } catch (Error e) {
      // In no line any more: whoever ends everything would not find it.
      request.fail(e);
      throw e;
    }
  }

  /** Finishes a request or puts it in line for its next step, {@code later} ticks back. */
  private void goOn(ScheduledRequest request, int later) {
    if (request.finished()) {
      request.finish();
    } else {
      running.add(request, due(request) + later);
    }
  }

  private void step() {
    select();
    if (selected.isEmpty()) {
      return;
    }
    tick++;
    if (deviceTakes()) {
      stepInBlocks();
      return;
    }
    try {
      forward(selected);
    } catch (RuntimeException e) {
      stepOneByOne(e);
      selected.clear();
      return;
    }
    long now = clock.getAsLong();
    for (ScheduledRequest request : selected) {
      advance(request, now);
    }
    selected.clear();
  }

  /** Whether the device can take the steps of the selected requests alone. */
  private boolean deviceTakes() {
    if (loopFailures == MOST_LOOP_FAILURES) {
      return false;
    }
    try {
      return blocks.takes(selected);
    } catch (RuntimeException e) {
      loopFailed(e);
      return false;
    }
  }

  private void loopFailed(RuntimeException e) {
    loopFailures++;
    String then =
        loopFailures == MOST_LOOP_FAILURES
            ? " " + loopFailures + " times in a row; the host takes all steps from now on"
            : "; the host goes on";
    System.getLogger(Scheduler.class.getName())
        .log(System.Logger.Level.WARNING, "the device's own loop failed" + then, e);
  }

  /** The device takes the steps of the selected requests, until their blocks are over. */
  private void stepInBlocks() {
    BlockLoop loop;
    StepEvent event = new StepEvent();
    event.begin();
    batch.clear();
    try {
      loop = blocks.run(batch);
    } catch (RuntimeException e) {
      // Nothing has been taken yet.
      loopFailed(e);
      stepOneByOne();
      selected.clear();
      return;
    }
    loopFailures = 0;
    event.end();
    if (event.shouldCommit()) {
      event.sequences = selected.size();
      event.rows = batch.rows();
      event.predictions = batch.wanted().size();
      event.waiting = running.size();
      event.commit();
    }
    for (int i = 0; i < selected.size(); i++) {
      ScheduledRequest request = selected.get(i);
      try {
        request.follow(blocks.block(i), loop, predictions);
        goOn(request, (request.rows() - 1) / maxBatchTokens);
      } catch (RuntimeException e) {
        request.fail(e);
      }
    }
    selected.clear();
  }

  /** Takes out of the line those that step now. */
  private void select() {
    int left = maxBatchTokens;
    while (left > 0 && !running.isEmpty()) {
      ScheduledRequest next = running.take();
      try {
        int rows = next.countRows();
        if (rows <= left || selected.isEmpty()) {
          selected.add(next);
          left -= rows;
        } else {
          skipped.add(next);
        }
      } catch (RuntimeException e) {
        next.fail(e);
      } catch (Error e) {
        next.fail(e);
        throw e;
      }
    }
    for (ScheduledRequest request : skipped) {
      running.putBack(request);
    }
    skipped.clear();
  }

  /** After a failed batch: whoever fails alone is at fault, the others lose nothing. */
  private void stepOneByOne(RuntimeException batchFailure) {
    if (selected.size() == 1) {
      selected.getFirst().fail(batchFailure);
      return;
    }
    stepOneByOne();
  }

  private void stepOneByOne() {
    for (ScheduledRequest request : selected) {
      try {
        forward(List.of(request));
      } catch (RuntimeException e) {
        request.fail(e);
        continue;
      }
      advance(request, clock.getAsLong());
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
      LatentBatch latent = batch.latent();
      event.sequences = batch.spans().sequences() + latent.spans().sequences();
      event.sequences += latent.decoded().sequences();
      event.rows = batch.rows() + latent.spans().rows() + latent.decoded().rows();
      event.refreshes = refreshes;
      event.predictions =
          predictions.size() + latent.denoised().size() + latent.predictions().size();
      event.waiting = running.size();
      event.commit();
    }
  }

  private void advance(ScheduledRequest request, long now) {
    try {
      request.advance(batch, predictions, now);
      goOn(request, (request.rows() - 1) / maxBatchTokens);
    } catch (RuntimeException e) {
      request.fail(e);
    }
  }

  private void endEverything(Throwable cause) {
    List<ScheduledRequest> all = new ArrayList<>(selected);
    all.addAll(skipped);
    List<Job<?>> unrun;
    lock.lock();
    try {
      state = State.CLOSED;
      all.addAll(arrived);
      arrived.clear();
      unrun = List.copyOf(jobs);
      jobs.clear();
    } finally {
      lock.unlock();
    }
    for (Line line : List.of(running, waiting, waitingForPages)) {
      while (!line.isEmpty()) {
        all.add(line.take());
      }
    }
    all.forEach(request -> request.fail(cause));
    if (job != null) {
      job.result.completeExceptionally(cause);
    }
    unrun.forEach(job -> job.result.completeExceptionally(cause));
    room.release();
  }

  /**
   * Takes no more requests, lets those that run and wait finish, and cancels what has not finished
   * in time or when the caller is interrupted. Has closed when it returns.
   *
   * @param patience how long to wait at most
   * @return whether all have finished, by themselves
   */
  public boolean drain(Duration patience) {
    lock.lock();
    try {
      if (state == State.OPEN) {
        state = State.DRAINING;
      }
      work.signal();
    } finally {
      lock.unlock();
    }
    room.release();
    boolean interrupted = false;
    if (Thread.currentThread() != thread) {
      try {
        thread.join(patience);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return drained;
  }

  /** Cancels what waits and runs, and waits for the thread to end; idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      state = State.CLOSED;
      work.signal();
    } finally {
      lock.unlock();
    }
    room.release();
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
