/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.DeadlineExceededException;
import dev.palimpsest.Engine;
import dev.palimpsest.EngineLoad;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationResult;
import dev.palimpsest.bench.SoakRequest.Fate;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.schedule.QueueFullException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongPredicate;

/**
 * Mixed load on an engine for some time, and the checks that belong to it. Clients are virtual
 * threads that submit one request after the other.
 */
final class Soak {
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final int COMPARED = 100;
  private static final int MOST_COMPLAINTS = 20;

  private record Finished(GenerationRequest request, List<Integer> tokens) {}

  private final Engine engine;
  private final SoakRequests requests;
  private final ReentrantLock lock = new ReentrantLock();
  private final SplittableRandom random = new SplittableRandom(17);
  private final List<Finished> samples = new ArrayList<>();
  private final List<String> wrong = new ArrayList<>();
  private volatile boolean over;

  final AtomicLong submitted = new AtomicLong();
  final AtomicLong answered = new AtomicLong();
  final AtomicLong finished = new AtomicLong();
  final AtomicLong cancelled = new AtomicLong();
  final AtomicLong late = new AtomicLong();
  final AtomicLong refused = new AtomicLong();
  final AtomicLong turnedAway = new AtomicLong();
  final AtomicLong newTokens = new AtomicLong();
  final ResidentMemory memory = new ResidentMemory();
  int mostWaiting;
  int threads;
  int threadsAfter;

  Soak(Engine engine, SoakRequests requests) {
    this.engine = engine;
    this.requests = requests;
  }

  /** What should not have been. */
  List<String> wrong() {
    lock.lock();
    try {
      return List.copyOf(wrong);
    } finally {
      lock.unlock();
    }
  }

  void complain(String what) {
    lock.lock();
    try {
      if (wrong.size() < MOST_COMPLAINTS) {
        wrong.add(what);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts the load on the engine for some time, and returns when all clients have their last answer.
   */
  void run(int clients, Duration duration, Progress progress) throws InterruptedException {
    long most = duration.toNanos();
    run(
        clients,
        Duration.ofNanos(Math.clamp(most / 300, 20_000_000L, 2_000_000_000L)),
        at -> {
          if (at > most / 3 && threads == 0) {
            threads = ManagementFactory.getThreadMXBean().getThreadCount();
          }
          progress.show("soak, seconds", (int) (at / 1_000_000_000), (int) duration.toSeconds());
          return at < most;
        });
    progress.done();
  }

  /**
   * As above, for as long as somebody wants.
   *
   * @param every how often to look at the engine
   * @param goesOn asked after each look, with the nanoseconds since the start
   */
  void run(int clients, Duration every, LongPredicate goesOn) throws InterruptedException {
    List<Thread> running = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      running.add(Thread.ofVirtual().name("palimpsest-soak-" + i).start(this::client));
    }
    long start = System.nanoTime();
    for (long at = 0; look(at, goesOn); at = System.nanoTime() - start) {
      Thread.sleep(every);
    }
    threadsAfter = ManagementFactory.getThreadMXBean().getThreadCount();
    over = true;
    for (Thread client : running) {
      if (!client.join(PATIENCE)) {
        complain("a client still waits for an answer, ten minutes after the last request");
      }
    }
  }

  private boolean look(long at, LongPredicate goesOn) {
    memory.sample(at / 1e9);
    mostWaiting = Math.max(mostWaiting, engine.load().waiting());
    return goesOn.test(at);
  }

  private void client() {
    while (!over) {
      try {
        SoakRequest next = draw();
        submitted.incrementAndGet();
        serve(next);
        answered.incrementAndGet();
      } catch (InterruptedException | RuntimeException e) {
        complain("unexpected " + e);
      }
    }
  }

  private SoakRequest draw() {
    lock.lock();
    try {
      return requests.next();
    } finally {
      lock.unlock();
    }
  }

  private void serve(SoakRequest next) throws InterruptedException {
    Generation generation;
    try {
      generation =
          next.patient() ? engine.submit(next.request(), PATIENCE) : engine.submit(next.request());
    } catch (QueueFullException e) {
      turnedAway.incrementAndGet();
      if (next.patient()) {
        complain("a patient request was turned away: " + e.getMessage());
      }
      LockSupport.parkNanos(1_000_000);
      return;
    } catch (IllegalArgumentException e) {
      refused.incrementAndGet();
      if (next.fate() != Fate.REFUSED) {
        complain("a good request was refused: " + e.getMessage());
      }
      return;
    }
    if (next.fate() == Fate.REFUSED) {
      complain("a wrong request was accepted");
    }
    if (next.fate() == Fate.CANCELLED) {
      Thread.sleep(next.cancelAfterMs());
      if (next.cancelAfterMs() % 2 == 0) {
        generation.cancel();
      } else {
        generation.result().cancel(true);
      }
    }
    Canvas replay = new Canvas(engine.config().maskToken());
    generation.revisions().forEach(replay::apply);
    await(next, generation, replay);
  }

  private void await(SoakRequest next, Generation generation, Canvas replay) {
    try {
      GenerationResult result = generation.result().join();
      finished.incrementAndGet();
      newTokens.addAndGet(result.newTokens());
      List<Integer> tokens = result.tokens();
      if (!tokens.equals(Arrays.stream(replay.tokens()).boxed().toList())) {
        complain("the revisions of a request do not give its tokens");
      }
      if (tokens.contains(engine.config().maskToken())) {
        complain(next.fate() + " finished with masks left");
      }
      if (next.fate() != Fate.HURRIED) {
        keep(next.request(), tokens);
      }
    } catch (CancellationException e) {
      cancelled.incrementAndGet();
      expect(next, Fate.CANCELLED, e);
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case CancellationException cause -> {
          cancelled.incrementAndGet();
          expect(next, Fate.CANCELLED, cause);
        }
        case DeadlineExceededException cause -> {
          late.incrementAndGet();
          expect(next, Fate.LATE, cause);
          if (cause.partial().tokens().isEmpty()) {
            complain("a late request has lost what it had");
          }
        }
        case Throwable cause -> complain(next.fate() + " failed with " + cause);
      }
    }
  }

  private void expect(SoakRequest request, Fate fate, Throwable outcome) {
    if (request.fate() != fate) {
      complain(request.fate() + " ended with " + outcome);
    }
  }

  /** Keeps some of those that finished, each with the same chance. */
  private void keep(GenerationRequest request, List<Integer> tokens) {
    Finished one = new Finished(request, tokens);
    lock.lock();
    try {
      if (samples.size() < COMPARED) {
        samples.add(one);
      } else {
        long at = random.nextLong(finished.get());
        if (at < COMPARED) {
          samples.set((int) at, one);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Runs some of what has finished again, one by one on the quiet engine, ten at least and then as
   * many as there is time for; how many.
   */
  int compareWithAlone(Duration time) {
    long start = System.nanoTime();
    int compared = 0;
    for (Finished sample : samples) {
      if (compared >= 10 && System.nanoTime() - start > time.toNanos()) {
        break;
      }
      try {
        if (!engine.generate(sample.request).tokens().equals(sample.tokens)) {
          complain("a request gave other tokens alone than in company");
        }
        compared++;
      } catch (DeadlineExceededException e) {
        // It was fast enough once.
      }
    }
    return compared;
  }

  /** Waits until nothing runs, and checks that all pages are back. */
  EngineLoad settle() throws InterruptedException {
    EngineLoad load = engine.load();
    for (int i = 0; i < 1000 && load.running() + load.waiting() > 0; i++) {
      Thread.sleep(10);
      load = engine.load();
    }
    if (load.running() + load.waiting() > 0) {
      complain(
          "%d requests run and %d wait without anybody".formatted(load.running(), load.waiting()));
    }
    if (load.freeCachePages() != load.cachePages()) {
      complain(
          "%d of %d pages were not given back"
              .formatted(load.cachePages() - load.freeCachePages(), load.cachePages()));
    }
    return load;
  }

  /** Closes the engine gracefully while it works, and looks for threads it has left behind. */
  void closeAtWork() {
    List<Generation> last = new ArrayList<>();
    for (Finished sample : samples.subList(0, Math.min(8, samples.size()))) {
      last.add(engine.submit(sample.request));
    }
    if (!engine.closeGracefully(PATIENCE)) {
      complain("a graceful end cancelled what it should have finished");
    }
    for (Generation generation : last) {
      try {
        generation.result().join();
      } catch (CompletionException e) {
        if (!(e.getCause() instanceof DeadlineExceededException)) {
          complain("a request failed while the engine closed: " + e.getCause());
        }
      }
    }
    Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.isAlive() && thread.getName().startsWith("palimpsest-"))
        .forEach(thread -> complain("a thread was left behind: " + thread.getName()));
  }
}
