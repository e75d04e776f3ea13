/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class SchedulerTest {
  private static final int MASK = 99;

  /** Predicts for every wanted position the sum of its sequence's first token and its position. */
  private static void predict(StepBatch batch, Predictions out) {
    out.resize(batch.wanted().size());
    for (int i = 0; i < out.size(); i++) {
      int row = batch.wanted().row(i);
      int start = 0;
      for (int s = 0; s < batch.spans().sequences(); s++) {
        if (batch.spans().start(s) <= row) {
          start = batch.spans().start(s);
        }
      }
      out.set(i, batch.tokens()[start] + batch.wanted().position(i), 0.5, 0.1, -1);
    }
  }

  /** Writes one masked position a step, from the left; the first token is the prompt. */
  private static final class LeftToRight implements DiffusionProcess {
    private final Canvas canvas = new Canvas(MASK);
    private final int prompt;
    private final int length;
    private int step;

    LeftToRight(int prompt, int length) {
      this.prompt = prompt;
      this.length = length;
    }

    @Override
    public Canvas canvas() {
      return canvas;
    }

    @Override
    public Revision start() {
      List<Change> changes = new ArrayList<>();
      changes.add(new Change.Insert(0, prompt));
      for (int i = 1; i < length; i++) {
        changes.add(new Change.Insert(i, MASK));
      }
      Revision revision = new Revision(0, changes, length - 1);
      canvas.apply(revision);
      return revision;
    }

    @Override
    public boolean finished() {
      return step == length - 1;
    }

    @Override
    public boolean fixed(int position) {
      return position == 0;
    }

    @Override
    public int[] wanted() {
      return new int[] {step + 1};
    }

    @Override
    public Sampling sampling() {
      return Sampling.GREEDY;
    }

    @Override
    public long seed() {
      return 0;
    }

    @Override
    public int step() {
      return step;
    }

    @Override
    public float guidance() {
      return 0;
    }

    @Override
    public Revision advance(Predictions predictions, int offset) {
      if (prompt == 13) {
        throw new IllegalStateException("process 13 is broken");
      }
      Revision revision =
          new Revision(
              ++step,
              List.of(
                  new Change.Commit(
                      step, predictions.token(offset), predictions.confidence(offset))),
              length - 1 - step);
      canvas.apply(revision);
      return revision;
    }
  }

  /** Keeps what it is told. */
  private static final class Recorder implements RequestObserver {
    final Canvas replay = new Canvas(MASK);
    final CompletableFuture<List<Integer>> done = new CompletableFuture<>();
    final AtomicInteger ends = new AtomicInteger();
    volatile boolean cancelled;

    @Override
    public void revised(Revision revision) {
      replay.apply(revision);
    }

    @Override
    public void finished() {
      ends.incrementAndGet();
      done.complete(java.util.Arrays.stream(replay.tokens()).boxed().toList());
    }

    @Override
    public void expired() {
      ends.incrementAndGet();
      done.completeExceptionally(new java.util.concurrent.TimeoutException());
    }

    @Override
    public void failed(Throwable cause) {
      ends.incrementAndGet();
      done.completeExceptionally(cause);
    }

    @Override
    public boolean cancelled() {
      return cancelled;
    }

    Throwable failure() throws Exception {
      return done.<Throwable>handle((tokens, failure) -> failure).get(10, TimeUnit.SECONDS);
    }
  }

  private static List<Integer> expected(int prompt, int length) {
    List<Integer> tokens = new ArrayList<>();
    for (int i = 0; i < length; i++) {
      tokens.add(prompt + i);
    }
    return tokens;
  }

  @Test
  void requestsOfManyLengthsShareBatchesAndEndWithTheirOwnTokens() throws Exception {
    AtomicInteger largest = new AtomicInteger();
    Stepper network =
        (batch, out) -> {
          largest.accumulateAndGet(batch.spans().sequences(), Math::max);
          assertTrue(batch.rows() <= 40, "batch of " + batch.rows() + " rows");
          predict(batch, out);
        };
    try (Scheduler scheduler = new Scheduler(network, false, 40, 1000)) {
      List<Recorder> recorders = new ArrayList<>();
      CountDownLatch gate = new CountDownLatch(1);
      CompletableFuture<Void> gated = scheduler.call(() -> awaitQuietly(gate));
      for (int i = 0; i < 30; i++) {
        Recorder recorder = new Recorder();
        recorders.add(recorder);
        scheduler.submit(new LeftToRight(100 + i, 2 + i % 17), recorder);
      }
      gate.countDown();
      gated.get(10, TimeUnit.SECONDS);
      for (int i = 0; i < 30; i++) {
        assertEquals(
            expected(100 + i, 2 + i % 17), recorders.get(i).done.get(10, TimeUnit.SECONDS));
        assertEquals(1, recorders.get(i).ends.get());
      }
      assertTrue(largest.get() > 1, "requests never shared a batch");
    }
  }

  private static Void awaitQuietly(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return null;
  }

  @Test
  void aShortRequestOvertakesALongOneThatCameFirst() throws Exception {
    try (Scheduler scheduler = new Scheduler(SchedulerTest::predict, false, 100, 10)) {
      Recorder slow = new Recorder();
      Recorder fast = new Recorder();
      AtomicInteger order = new AtomicInteger();
      CompletableFuture<Integer> slowAt = slow.done.thenApply(t -> order.incrementAndGet());
      CompletableFuture<Integer> fastAt = fast.done.thenApply(t -> order.incrementAndGet());
      CountDownLatch gate = new CountDownLatch(1);
      scheduler.call(() -> awaitQuietly(gate));
      scheduler.submit(new LeftToRight(100, 60), slow);
      scheduler.submit(new LeftToRight(200, 3), fast);
      gate.countDown();
      assertEquals(2, slowAt.get(10, TimeUnit.SECONDS));
      assertEquals(1, fastAt.get());
    }
  }

  @Test
  void aFaultEndsItsOwnRequestAlone() throws Exception {
    Stepper network =
        (batch, out) -> {
          for (int r = 0; r < batch.rows(); r++) {
            if (batch.tokens()[r] == 66) {
              throw new IllegalArgumentException("token 66 is outside the vocabulary");
            }
          }
          predict(batch, out);
        };
    try (Scheduler scheduler = new Scheduler(network, false, 1000, 10)) {
      Recorder good = new Recorder();
      Recorder badToken = new Recorder();
      Recorder badProcess = new Recorder();
      CountDownLatch gate = new CountDownLatch(1);
      scheduler.call(() -> awaitQuietly(gate));
      scheduler.submit(new LeftToRight(100, 20), good);
      scheduler.submit(new LeftToRight(66, 20), badToken);
      scheduler.submit(new LeftToRight(13, 20), badProcess);
      gate.countDown();
      assertEquals(expected(100, 20), good.done.get(10, TimeUnit.SECONDS));
      assertTrue(badToken.failure().getMessage().contains("token 66"));
      assertTrue(badProcess.failure().getMessage().contains("process 13"));
    }
  }

  @Test
  void aCancelledRequestLeavesBeforeItsNextStep() throws Exception {
    CountDownLatch stepped = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicInteger steps = new AtomicInteger();
    Stepper network =
        (batch, out) -> {
          steps.incrementAndGet();
          stepped.countDown();
          awaitQuietly(goOn);
          predict(batch, out);
        };
    try (Scheduler scheduler = new Scheduler(network, false, 1000, 10)) {
      Recorder recorder = new Recorder();
      scheduler.submit(new LeftToRight(100, 50), recorder);
      stepped.await();
      recorder.cancelled = true;
      goOn.countDown();
      assertInstanceOf(CancellationException.class, recorder.failure());
      assertEquals(1, steps.get());
    }
  }

  @Test
  void aFullQueueRefusesWithTheLimit() {
    try (Scheduler scheduler = new Scheduler(SchedulerTest::predict, false, 1000, 2)) {
      CountDownLatch started = new CountDownLatch(1);
      CountDownLatch gate = new CountDownLatch(1);
      scheduler.call(
          () -> {
            started.countDown();
            return awaitQuietly(gate);
          });
      awaitQuietly(started);
      scheduler.submit(new LeftToRight(1, 3), new Recorder());
      scheduler.submit(new LeftToRight(2, 3), new Recorder());
      QueueFullException refused =
          assertThrows(
              QueueFullException.class,
              () -> scheduler.submit(new LeftToRight(3, 3), new Recorder()));
      assertTrue(refused.getMessage().contains("2"));
      gate.countDown();
    }
  }

  @Test
  void closingEndsWhatRunsAndWaitsAndRefusesMore() throws Exception {
    CountDownLatch stepped = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Stepper network =
        (batch, out) -> {
          stepped.countDown();
          awaitQuietly(goOn);
          predict(batch, out);
        };
    Scheduler scheduler = new Scheduler(network, false, 1000, 10);
    Recorder running = new Recorder();
    Recorder waiting = new Recorder();
    scheduler.submit(new LeftToRight(100, 50), running);
    stepped.await();
    scheduler.submit(new LeftToRight(100, 50), waiting);
    CompletableFuture<Integer> job = scheduler.call(() -> 1);
    Thread closer = Thread.ofPlatform().start(scheduler::close);
    while (closer.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    goOn.countDown();
    closer.join();
    scheduler.close();
    assertInstanceOf(CancellationException.class, running.failure());
    assertInstanceOf(CancellationException.class, waiting.failure());
    assertTrue(job.isDone());
    assertThrows(
        IllegalStateException.class, () -> scheduler.submit(new LeftToRight(1, 3), new Recorder()));
    assertThrows(IllegalStateException.class, () -> scheduler.call(() -> 1));
    assertEquals(1, running.ends.get());
  }

  @Test
  void shiftedLogitsTakeTheRowBefore() throws Exception {
    List<Integer> rows = new ArrayList<>();
    Stepper network =
        (batch, out) -> {
          rows.add(batch.wanted().row(0));
          predict(batch, out);
        };
    try (Scheduler scheduler = new Scheduler(network, true, 1000, 10)) {
      Recorder recorder = new Recorder();
      scheduler.submit(new LeftToRight(100, 4), recorder);
      recorder.done.get(10, TimeUnit.SECONDS);
    }
    assertEquals(List.of(0, 1, 2), rows);
  }

  @Test
  void anErrorEndsWhatRunsAndWhoWaitsForAJobAndIsTold() throws Exception {
    Scheduler scheduler = new Scheduler(SchedulerTest::predict, false, 1000, 10);
    CountDownLatch gate = new CountDownLatch(1);
    scheduler.call(() -> awaitQuietly(gate));
    CompletableFuture<Integer> failing =
        scheduler.call(
            () -> {
              throw new OutOfMemoryError("for the test");
            });
    CompletableFuture<Integer> behind = scheduler.call(() -> 1);
    Recorder recorder = new Recorder();
    scheduler.submit(new LeftToRight(100, 60), recorder);
    gate.countDown();
    for (CompletableFuture<Integer> job : List.of(failing, behind)) {
      Throwable told = job.<Throwable>handle((r, e) -> e).get(10, TimeUnit.SECONDS);
      assertTrue(told.getMessage().contains("for the test"), told.toString());
    }
    assertTrue(recorder.failure().getMessage().contains("for the test"));
    IllegalStateException refused =
        assertThrows(IllegalStateException.class, () -> scheduler.call(() -> 1));
    assertTrue(refused.getMessage().contains("for the test"), refused.getMessage());
    scheduler.close();
  }

  @Test
  void jobsThatNeverEndDoNotHoldUpSteps() throws Exception {
    try (Scheduler scheduler = new Scheduler(SchedulerTest::predict, false, 1000, 10)) {
      AtomicInteger jobs = new AtomicInteger();
      keepBusy(scheduler, jobs);
      keepBusy(scheduler, jobs);
      while (jobs.get() == 0) {
        Thread.onSpinWait();
      }
      Recorder recorder = new Recorder();
      scheduler.submit(new LeftToRight(100, 20), recorder);
      assertEquals(expected(100, 20), recorder.done.get(10, TimeUnit.SECONDS));
    }
  }

  private static void keepBusy(Scheduler scheduler, AtomicInteger jobs) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  CompletableFuture<Integer> one = scheduler.call(jobs::incrementAndGet);
                  scheduler.call(jobs::incrementAndGet).join();
                  one.join();
                }
              } catch (IllegalStateException e) {
                // closed
              }
            });
  }

  @Test
  void noMoreThanTheLimitTakePartAtATime() throws Exception {
    AtomicInteger most = new AtomicInteger();
    Stepper network =
        (batch, out) -> {
          most.accumulateAndGet(batch.spans().sequences(), Math::max);
          predict(batch, out);
        };
    try (Scheduler scheduler = new Scheduler(network, false, 1000, 3)) {
      List<Recorder> recorders = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        Recorder recorder = new Recorder();
        for (boolean queued = false; !queued; ) {
          try {
            scheduler.submit(new LeftToRight(100 + i, 9), recorder);
            queued = true;
          } catch (QueueFullException e) {
            Thread.onSpinWait();
          }
        }
        recorders.add(recorder);
      }
      for (int i = 0; i < 40; i++) {
        assertEquals(expected(100 + i, 9), recorders.get(i).done.get(10, TimeUnit.SECONDS));
      }
    }
    assertTrue(most.get() <= 3, most.get() + " requests took part at a time");
  }
}
