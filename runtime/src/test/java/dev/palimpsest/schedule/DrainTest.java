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
@Timeout(20)
class DrainTest {
  private static final Duration LONG = Duration.ofSeconds(15);

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

  private CompletableFuture<Boolean> draining(Duration patience) throws InterruptedException {
    submit(1);
    stepped.await();
    submit(3);
    CompletableFuture<Boolean> drained =
        CompletableFuture.supplyAsync(() -> scheduler.drain(patience));
    untilRefused("closing");
    return drained;
  }

  private void untilRefused(String reason) {
    for (String refusal = ""; !refusal.contains(reason); ) {
      try {
        scheduler.call(() -> 1);
      } catch (IllegalStateException e) {
        refusal = e.getMessage();
      }
      assertFalse(Thread.currentThread().isInterrupted(), "timed out");
    }
  }

  @Test
  void whatRunsAndWaitsFinishesAndNothingElseStarts() throws Exception {
    CompletableFuture<Boolean> drained = draining(LONG);
    assertThrows(IllegalStateException.class, () -> submit(1));
    recorders.removeLast();
    steps.release(1000);
    assertTrue(drained.get(10, TimeUnit.SECONDS));
    assertEquals(4, recorders.size());
    for (Recorder recorder : recorders) {
      assertEquals(LeftToRight.expected(100, 5), recorder.done.getNow(List.of()));
      assertEquals(1, recorder.ends.get());
    }
  }

  @Test
  void whatIsNotDoneInTimeIsCancelled() throws Exception {
    CompletableFuture<Boolean> drained = draining(Duration.ofMillis(10));
    untilRefused("closed");
    steps.release(1);
    assertFalse(drained.get(10, TimeUnit.SECONDS));
    for (Recorder recorder : recorders) {
      assertInstanceOf(CancellationException.class, recorder.failure());
      assertEquals(1, recorder.ends.get());
    }
  }

  @Test
  void closingCutsItShort() throws Exception {
    CompletableFuture<Boolean> drained = draining(LONG);
    Thread.ofVirtual().start(scheduler::close);
    untilRefused("closed");
    steps.release(1);
    assertFalse(drained.get(10, TimeUnit.SECONDS));
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
      assertFalse(Thread.currentThread().isInterrupted(), "timed out");
      Thread.onSpinWait();
    }
    drainer.interrupt();
    untilRefused("closed");
    steps.release(1);
    assertTrue(interrupted.get(10, TimeUnit.SECONDS));
    assertInstanceOf(CancellationException.class, recorders.getLast().failure());
  }

  @Test
  void anIdleOneDrainsAtOnceAndAgain() {
    assertTrue(scheduler.drain(LONG));
    assertTrue(scheduler.drain(Duration.ZERO));
    scheduler.close();
  }
}
