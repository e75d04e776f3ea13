/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.schedule.Scheduler;
import java.util.concurrent.CountDownLatch;

/**
 * Holds an engine between two steps: what has come when it goes on is the test's doing, not that of
 * chance.
 */
final class Hold implements AutoCloseable {
  private final Scheduler scheduler;
  private CountDownLatch gate = new CountDownLatch(0);

  /** Returns when the engine stands still, with no step under way. */
  Hold(Engine engine) throws InterruptedException {
    scheduler = ((LocalEngine) engine).scheduler();
    turn();
  }

  /**
   * Lets those who take part step once, and those who have come take part; returns when the engine
   * stands still again.
   */
  void turn() throws InterruptedException {
    CountDownLatch reached = new CountDownLatch(1);
    CountDownLatch next = new CountDownLatch(1);
    scheduler.call(
        () -> {
          reached.countDown();
          try {
            next.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the scheduler", e);
          }
          return true;
        });
    gate.countDown();
    gate = next;
    reached.await();
  }

  /** Lets the engine go on only once somebody has begun to close it. */
  void untilClosed() throws InterruptedException {
    for (String refusal = ""; !refusal.contains("closed"); Thread.sleep(1)) {
      try {
        scheduler.call(() -> true);
      } catch (IllegalStateException e) {
        refusal = e.getMessage();
      }
    }
    close();
  }

  /** Lets the engine go on. */
  @Override
  public void close() {
    gate.countDown();
  }
}
