/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The fake clock goes faster than some requests have time. */
@Timeout(300)
class DeadlineTest {
  private static final Duration SHORT = Duration.ofMillis(30);

  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);
  private int calls;

  private Scheduler open(Stepper network) {
    return new Scheduler(network, false, 1000, 10, now::get);
  }

  private static void submit(Scheduler scheduler, int length, Duration deadline, Recorder to) {
    scheduler.submit(
        new LeftToRight(100, length),
        RequestCache.none(),
        new Terms(0, Optional.of(deadline), Optional.empty()),
        to);
  }

  @Test
  void whoIsLateLeavesAloneWithWhatItHas() throws Exception {
    Recorder late = new Recorder();
    Recorder lastStep = new Recorder();
    Recorder inTime = new Recorder();
    Stepper network =
        (batch, out) -> {
          if (++calls == 2) {
            now.addAndGet(SHORT.toNanos());
          }
          LeftToRight.predict(batch, out);
        };
    try (Scheduler scheduler = open(network)) {
      scheduler
          .call(
              () -> {
                submit(scheduler, 10, SHORT, late);
                submit(scheduler, 3, SHORT, lastStep);
                submit(scheduler, 10, Duration.ofDays(365_000_000), inTime);
                return true;
              })
          .join();
      assertInstanceOf(TimeoutException.class, late.failure());
      assertEquals(LeftToRight.expected(100, 10), inTime.done.get(60, TimeUnit.SECONDS));
      assertEquals(LeftToRight.expected(100, 3), lastStep.done.get(60, TimeUnit.SECONDS));
    }
    assertEquals(1, late.ends.get());
    assertEquals(List.of(100, 101, 102), boxed(late).subList(0, 3));
    assertEquals(LeftToRight.MASK, late.replay.token(3));
  }

  private static List<Integer> boxed(Recorder recorder) {
    return Arrays.stream(recorder.replay.tokens()).boxed().toList();
  }

  @Test
  void whoHasNotStartedInTimeNeverDoes() throws Exception {
    Recorder late = new Recorder();
    try (Scheduler scheduler = open(LeftToRight::predict)) {
      scheduler
          .call(
              () -> {
                submit(scheduler, 10, SHORT, late);
                now.addAndGet(SHORT.toNanos());
                return true;
              })
          .join();
      assertInstanceOf(TimeoutException.class, late.failure());
    }
    assertEquals(0, late.replay.length());
    assertEquals(1, late.ends.get());
  }

  /** 60 tokens, one a step of 10 ms, and 200 ms to do it. */
  @Test
  void whoIsToFinishInTimeHurries() throws Exception {
    int[] tokens = new int[61];
    Arrays.fill(tokens, 1, 61, LeftToRight.MASK);
    BitSet fixed = new BitSet();
    fixed.set(0);
    MaskedDiffusion process =
        MaskedDiffusion.of(
            tokens,
            fixed,
            MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 60).withBlockLength(20),
            LeftToRight.MASK);
    Recorder recorder = new Recorder();
    Stepper network =
        (batch, out) -> {
          calls++;
          now.addAndGet(10_000_000);
          LeftToRight.predict(batch, out);
        };
    try (Scheduler scheduler = open(network)) {
      Duration wished = Duration.ofMillis(200);
      scheduler.submit(
          process,
          RequestCache.none(),
          new Terms(0, Optional.of(Duration.ofMillis(201)), Optional.of(wished)),
          recorder);
      assertEquals(LeftToRight.expected(0, 61), recorder.done.get(60, TimeUnit.SECONDS));
    }
    // All of the time is used, and no more.
    assertEquals(20, calls);
  }

  @Test
  void termsAreChecked() {
    for (Duration none : List.of(Duration.ZERO, Duration.ofMillis(-1))) {
      assertThrows(
          IllegalArgumentException.class, () -> new Terms(0, Optional.of(none), Optional.empty()));
    }
    for (int priority : new int[] {Terms.LOWEST - 1, Terms.HIGHEST + 1}) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new Terms(priority, Optional.empty(), Optional.empty()));
      assertTrue(e.getMessage().contains("-10 and 10"), e.getMessage());
    }
  }
}
