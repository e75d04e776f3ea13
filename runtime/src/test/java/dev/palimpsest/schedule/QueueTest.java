/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.RequestCache;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A full queue makes producers wait, in order, and lets go of them when it closes. */
@Timeout(300)
class QueueTest {
  private static final Duration LONG = Duration.ofHours(1);

  private final CountDownLatch gate = new CountDownLatch(1);
  private Scheduler scheduler;

  /** A scheduler that does nothing yet, and whose queue of one is full. */
  @BeforeEach
  void open() throws InterruptedException {
    scheduler = new Scheduler(LeftToRight::predict, false, 1000, 1);
    CountDownLatch started = new CountDownLatch(1);
    scheduler.call(
        () -> {
          started.countDown();
          try {
            gate.await();
            return true;
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    started.await();
    scheduler.submit(new LeftToRight(100, 3), new Recorder());
  }

  @AfterEach
  void close() {
    gate.countDown();
    scheduler.close();
  }

  private void submit(int prompt, Recorder recorder, Duration patience)
      throws InterruptedException {
    scheduler.submit(
        new LeftToRight(prompt, 4), RequestCache.none(), Terms.DEFAULT, recorder, patience);
  }

  /** Submits on a virtual thread and returns once that waits. */
  private Thread submitting(int prompt, Recorder recorder, CompletableFuture<Throwable> refused)
      throws InterruptedException {
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    submit(prompt, recorder, LONG);
                  } catch (RuntimeException | InterruptedException e) {
                    refused.complete(e);
                  }
                });
    while (thread.getState() != Thread.State.TIMED_WAITING) {
      Thread.sleep(1);
    }
    return thread;
  }

  @Test
  void whoWaitsForRoomGetsItInOrder() throws Exception {
    List<Integer> ended = new ArrayList<>();
    List<Recorder> recorders = new ArrayList<>();
    List<CompletableFuture<?>> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Recorder recorder = new Recorder();
      recorders.add(recorder);
      int prompt = 100 + i;
      // On the scheduler's thread, one after the other.
      all.add(recorder.done.thenAccept(tokens -> ended.add(prompt)));
      submitting(prompt, recorder, new CompletableFuture<>());
    }
    assertEquals(1, scheduler.waiting());
    gate.countDown();
    for (int i = 0; i < 20; i++) {
      all.get(i).get(60, TimeUnit.SECONDS);
      assertEquals(
          LeftToRight.expected(100 + i, 4), recorders.get(i).done.get(60, TimeUnit.SECONDS));
    }
    assertEquals(ended.stream().sorted().toList(), ended);
  }

  @Test
  void patienceEnds() {
    QueueFullException refused =
        assertThrows(
            QueueFullException.class, () -> submit(100, new Recorder(), Duration.ofMillis(5)));
    assertTrue(refused.getMessage().contains("maxQueued"), refused.getMessage());
    assertThrows(QueueFullException.class, () -> submit(100, new Recorder(), Duration.ZERO));
  }

  @Test
  void onceNobodyWaitsThereIsRoomAtOnce() throws Exception {
    Recorder patient = new Recorder();
    submitting(100, patient, new CompletableFuture<>());
    gate.countDown();
    patient.done.get(60, TimeUnit.SECONDS);
    Recorder last = new Recorder();
    scheduler.submit(new LeftToRight(100, 3), last);
    last.done.get(60, TimeUnit.SECONDS);
  }

  @Test
  void anInterruptEndsTheWaitAndNothingIsQueued() throws Exception {
    CompletableFuture<Throwable> refused = new CompletableFuture<>();
    Recorder recorder = new Recorder();
    submitting(100, recorder, refused).interrupt();
    assertTrue(refused.get(60, TimeUnit.SECONDS) instanceof InterruptedException);
    gate.countDown();
    assertTrue(scheduler.drain(LONG));
    assertEquals(0, recorder.ends.get());
  }

  @Test
  void closingRefusesEverybodyWhoWaits() throws Exception {
    List<CompletableFuture<Throwable>> refusals = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      refusals.add(new CompletableFuture<>());
      submitting(100, new Recorder(), refusals.getLast());
    }
    Thread closing = Thread.ofVirtual().start(scheduler::close);
    for (CompletableFuture<Throwable> refused : refusals) {
      assertTrue(refused.get(60, TimeUnit.SECONDS) instanceof IllegalStateException);
    }
    gate.countDown();
    closing.join();
  }

  @Test
  void cancelledAndExpiredRequestsMakeRoom() throws Exception {
    gate.countDown();
    CountDownLatch stepped = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (Scheduler one =
        new Scheduler(
            (batch, out) -> {
              stepped.countDown();
              try {
                goOn.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              LeftToRight.predict(batch, out);
            },
            false,
            1000,
            1)) {
      one.submit(new LeftToRight(100, 200), new Recorder());
      stepped.await();
      Recorder waits = new Recorder();
      one.submit(new LeftToRight(100, 3), waits);
      waits.cancelled = true;
      Recorder patient = new Recorder();
      CompletableFuture<Void> submitted =
          CompletableFuture.runAsync(
              () -> {
                try {
                  one.submit(
                      new LeftToRight(100, 3), RequestCache.none(), Terms.DEFAULT, patient, LONG);
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              },
              task -> Thread.ofVirtual().start(task));
      goOn.countDown();
      submitted.get(60, TimeUnit.SECONDS);
      assertTrue(waits.failure() instanceof java.util.concurrent.CancellationException);
      patient.done.get(60, TimeUnit.SECONDS);
    }
  }
}
