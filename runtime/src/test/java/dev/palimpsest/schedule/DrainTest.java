/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Draining finishes what there is and takes nothing new. */
@Timeout(300)
class DrainTest {
  private static final Duration LONG = Duration.ofHours(1);

  private final Semaphore steps = new Semaphore(0);
  private final CountDownLatch stepped = new CountDownLatch(1);
  private final Scheduler scheduler =
      new Scheduler(
          (batch, out) -> {
            stepped.countDown();
            steps.acquireUninterruptibly();
            LeftToRight.predict(batch, out);
          },
          false,
          1000,
          3);
  private final List<Recorder> recorders = new ArrayList<>();

  private void submit(int requests) {
    for (int i = 0; i < requests; i++) {
      recorders.add(new Recorder());
      scheduler.submit(new LeftToRight(100, 5), recorders.getLast());
    }
  }

  /** One that is at its first step until it is released, and three that wait. */
  private void fill() throws InterruptedException {
    submit(1);
    stepped.await();
    submit(3);
  }

  private CompletableFuture<Boolean> draining(Duration patience) {
    CompletableFuture<Boolean> drained = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> drained.complete(scheduler.drain(patience)));
    return drained;
  }

  /** Waits for a state; one that passes by itself would be missed. */
  private void untilRefused(String reason) throws InterruptedException {
    for (String refusal = ""; !refusal.contains(reason); Thread.sleep(1)) {
      try {
        scheduler.call(() -> 1);
      } catch (IllegalStateException e) {
        refusal = e.getMessage();
      }
    }
  }

  @Test
  void whatRunsAndWaitsFinishesAndNothingElseStarts() throws Exception {
    fill();
    CompletableFuture<Boolean> drained = draining(LONG);
    untilRefused("closing");
    assertThrows(IllegalStateException.class, () -> submit(1));
    recorders.removeLast();
    steps.release(1000);
    assertTrue(drained.get(60, TimeUnit.SECONDS));
    assertEquals(4, recorders.size());
    for (Recorder recorder : recorders) {
      assertEquals(LeftToRight.expected(100, 5), recorder.done.getNow(List.of()));
      assertEquals(1, recorder.ends.get());
    }
  }

  @Test
  void whatIsNotDoneInTimeIsCancelled() throws Exception {
    fill();
    CompletableFuture<Boolean> drained = draining(Duration.ofMillis(10));
    untilRefused("closed");
    steps.release(1);
    assertFalse(drained.get(60, TimeUnit.SECONDS));
    for (Recorder recorder : recorders) {
      assertInstanceOf(CancellationException.class, recorder.failure());
      assertEquals(1, recorder.ends.get());
    }
  }

  @Test
  void closingCutsItShort() throws Exception {
    fill();
    CompletableFuture<Boolean> drained = draining(LONG);
    untilRefused("closing");
    Thread.ofVirtual().start(scheduler::close);
    untilRefused("closed");
    steps.release(1);
    assertFalse(drained.get(60, TimeUnit.SECONDS));
    assertInstanceOf(CancellationException.class, recorders.getLast().failure());
  }

  @Test
  void anInterruptCutsItShortAndStays() throws Exception {
    submit(1);
    stepped.await();
    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    Thread drainer =
        Thread.ofVirtual()
            .start(
                () -> {
                  scheduler.drain(LONG);
                  interrupted.complete(Thread.currentThread().isInterrupted());
                });
    while (drainer.getState() != Thread.State.TIMED_WAITING) {
      Thread.sleep(1);
    }
    drainer.interrupt();
    untilRefused("closed");
    steps.release(1);
    assertTrue(interrupted.get(60, TimeUnit.SECONDS));
    assertInstanceOf(CancellationException.class, recorders.getLast().failure());
  }

  @Test
  void anIdleOneDrainsAtOnceAndAgain() {
    assertTrue(scheduler.drain(LONG));
    assertTrue(scheduler.drain(Duration.ZERO));
    scheduler.close();
  }
}
