/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

@Timeout(300)
class SchedulerTest {
  @Test
  void requestsOfManyLengthsShareBatchesAndEndWithTheirOwnTokens() throws Exception {
    AtomicInteger largest = new AtomicInteger();
    Stepper network =
        (batch, out) -> {
          largest.accumulateAndGet(batch.spans().sequences(), Math::max);
          assertTrue(batch.rows() <= 40, "batch of " + batch.rows() + " rows");
          LeftToRight.predict(batch, out);
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
      gated.get(60, TimeUnit.SECONDS);
      for (int i = 0; i < 30; i++) {
        assertEquals(
            LeftToRight.expected(100 + i, 2 + i % 17),
            recorders.get(i).done.get(60, TimeUnit.SECONDS));
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
    try (Scheduler scheduler = new Scheduler(LeftToRight::predict, false, 100, 10)) {
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
      assertEquals(2, slowAt.get(60, TimeUnit.SECONDS));
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
          LeftToRight.predict(batch, out);
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
      assertEquals(LeftToRight.expected(100, 20), good.done.get(60, TimeUnit.SECONDS));
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
          LeftToRight.predict(batch, out);
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
    try (Scheduler scheduler = new Scheduler(LeftToRight::predict, false, 1000, 2)) {
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
          LeftToRight.predict(batch, out);
        };
    Scheduler scheduler = new Scheduler(network, false, 1000, 10);
    Recorder running = new Recorder();
    Recorder waiting = new Recorder();
    scheduler.submit(new LeftToRight(100, 50), running);
    stepped.await();
    scheduler.submit(new LeftToRight(100, 50), waiting);
    CompletableFuture<Integer> job = scheduler.call(() -> 1);
    Thread closer = Thread.ofVirtual().start(scheduler::close);
    for (boolean closed = false; !closed; Thread.sleep(1)) {
      try {
        scheduler.call(() -> 2);
      } catch (IllegalStateException e) {
        closed = true;
      }
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
  void whoIsToldOfItsEndTakesPartNoMore() throws Exception {
    try (Scheduler scheduler = new Scheduler(LeftToRight::predict, false, 1000, 10)) {
      Recorder recorder = new Recorder();
      // On the scheduler's thread, while it tells.
      CompletableFuture<Integer> running = recorder.done.thenApply(tokens -> scheduler.running());
      scheduler.submit(new LeftToRight(100, 4), recorder);
      assertEquals(0, running.get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void shiftedLogitsTakeTheRowBefore() throws Exception {
    List<Integer> rows = new ArrayList<>();
    Stepper network =
        (batch, out) -> {
          rows.add(batch.wanted().row(0));
          LeftToRight.predict(batch, out);
        };
    try (Scheduler scheduler = new Scheduler(network, true, 1000, 10)) {
      Recorder recorder = new Recorder();
      scheduler.submit(new LeftToRight(100, 4), recorder);
      recorder.done.get(60, TimeUnit.SECONDS);
    }
    assertEquals(List.of(0, 1, 2), rows);
  }

  @Test
  void anErrorEndsWhatRunsAndWhoWaitsForAJobAndIsTold() throws Exception {
    Scheduler scheduler = new Scheduler(LeftToRight::predict, false, 1000, 10);
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
      Throwable told = job.<Throwable>handle((r, e) -> e).get(60, TimeUnit.SECONDS);
      assertTrue(told.getMessage().contains("for the test"), told.toString());
    }
    assertTrue(recorder.failure().getMessage().contains("for the test"));
    IllegalStateException refused =
        assertThrows(IllegalStateException.class, () -> scheduler.call(() -> 1));
    assertTrue(refused.getMessage().contains("for the test"), refused.getMessage());
    scheduler.close();
  }

  /** Between two lines: taken from the one and not yet in the other. */
  @Test
  void anErrorWhileARequestStartsEndsThatOneToo() throws Exception {
    try (Scheduler scheduler = new Scheduler(LeftToRight::predict, false, 1000, 10)) {
      Recorder starting =
          new Recorder() {
            @Override
            public void revised(Revision revision) {
              throw new StackOverflowError("for the test");
            }
          };
      scheduler.submit(new LeftToRight(100, 4), starting);
      assertTrue(starting.failure().getMessage().contains("for the test"));
      assertEquals(0, scheduler.running());
    }
  }

  @Test
  void jobsThatNeverEndDoNotHoldUpSteps() throws Exception {
    try (Scheduler scheduler = new Scheduler(LeftToRight::predict, false, 1000, 10)) {
      AtomicInteger jobs = new AtomicInteger();
      keepBusy(scheduler, jobs);
      keepBusy(scheduler, jobs);
      while (jobs.get() == 0) {
        Thread.onSpinWait();
      }
      Recorder recorder = new Recorder();
      scheduler.submit(new LeftToRight(100, 20), recorder);
      assertEquals(LeftToRight.expected(100, 20), recorder.done.get(60, TimeUnit.SECONDS));
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
          LeftToRight.predict(batch, out);
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
        assertEquals(
            LeftToRight.expected(100 + i, 9), recorders.get(i).done.get(60, TimeUnit.SECONDS));
      }
    }
    assertTrue(most.get() <= 3, most.get() + " requests took part at a time");
  }
}
