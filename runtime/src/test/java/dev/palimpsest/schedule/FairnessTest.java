/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.PageBytes;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Nobody waits longer for a step than {@link Scheduler} says. Everything happens on the scheduler's
 * thread: the fake network counts the ticks and submits what arrives at each.
 */
@Timeout(300)
class FairnessTest {
  private static final int MASK = LeftToRight.MASK;
  private static final int ROWS = 64;
  private static final Duration LONG = Duration.ofMinutes(2);

  private CpuDevice device;
  private KvPool pool;

  private final List<Observed> all = new ArrayList<>();
  private int tick;

  @BeforeEach
  void open() {
    device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1));
    HeadShape shape = new HeadShape(1, 1, 8);
    pool = new KvPool(device, 1, shape, 4000 * PageBytes.of(device, 1, shape));
  }

  @AfterEach
  void close() {
    pool.close();
    device.close();
  }

  /** Remembers at which ticks it stepped. */
  private final class Observed implements RequestObserver {
    final int priority;
    final int rows;
    final List<Integer> ticks = new ArrayList<>();
    final CountDownLatch ended = new CountDownLatch(1);

    Observed(int priority, int rows) {
      this.priority = priority;
      this.rows = rows;
      all.add(this);
    }

    int from() {
      return ticks.getFirst();
    }

    int to() {
      return ticks.getLast();
    }

    @Override
    public void revised(Revision revision) {
      ticks.add(tick);
    }

    @Override
    public void finished() {
      ended.countDown();
    }

    @Override
    public void expired() {
      throw new IllegalStateException("nothing expires here");
    }

    @Override
    public void failed(Throwable cause) {
      throw new IllegalStateException(cause);
    }

    @Override
    public boolean cancelled() {
      return false;
    }
  }

  private void submit(
      Scheduler scheduler, int length, int block, int steps, CacheMode mode, int priority) {
    int[] tokens = new int[length];
    Arrays.fill(tokens, 2, length, MASK);
    BitSet fixed = new BitSet();
    fixed.set(0, 2);
    MaskedDiffusion process =
        MaskedDiffusion.of(
            tokens,
            fixed,
            MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, steps).withBlockLength(block),
            MASK);
    scheduler.submit(
        process,
        RequestCache.of(mode, 0, pool, length, false),
        new Terms(priority, Optional.empty(), Optional.empty()),
        new Observed(priority, length));
  }

  private void predict(StepBatch batch, Predictions out) {
    tick++;
    assertTrue(
        batch.rows() <= ROWS || batch.spans().sequences() == 1,
        () -> batch.rows() + " rows of " + batch.spans().sequences() + " requests");
    out.resize(batch.wanted().size());
    for (int i = 0; i < out.size(); i++) {
      out.set(i, 7, 0.5, 0, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whoeverRunsStepsAsOftenAsPromised(long seed) throws Exception {
    Random random = new Random(seed);
    Scheduler[] scheduler = new Scheduler[1];
    CountDownLatch arrived = new CountDownLatch(1);
    Stepper network =
        (batch, out) -> {
          predict(batch, out);
          if (tick == 250) {
            arrived.countDown();
          }
          // A little more than the batch can take at first, then nothing.
          while (tick < 250 && random.nextInt(3) == 0) {
            int length = random.nextInt(8) == 0 ? 40 + random.nextInt(120) : 3 + random.nextInt(30);
            int block = 1 + random.nextInt(8);
            submit(
                scheduler[0],
                length,
                block,
                Math.ceilDiv(length - 2, block) + random.nextInt(20),
                CacheMode.values()[random.nextInt(3)],
                seed % 2 == 0 ? 0 : random.nextInt(4) * 5 - 5);
          }
        };
    try (Scheduler opened = new Scheduler(network, false, ROWS, 1000)) {
      scheduler[0] = opened;
      opened
          .call(
              () -> {
                // Runs alone whenever it does, and all the time.
                submit(opened, 402, 1, 400, CacheMode.NONE, -5);
                return true;
              })
          .join();
      assertTrue(arrived.await(120, TimeUnit.SECONDS));
      assertTrue(opened.drain(LONG));
    }
    assertTrue(all.size() > 100, all.size() + " requests");
    double tightest = 0;
    for (Observed request : all) {
      assertEquals(0, request.ended.getCount());
      for (int i = 1; i < request.ticks.size(); i++) {
        tightest =
            Math.max(tightest, waited(request, request.ticks.get(i - 1), request.ticks.get(i)));
      }
    }
    assertTrue(tightest > 0.3, "nobody ever waited, so nothing was shown: " + tightest);
  }

  /** Checks that the wait from one step to the next is within bounds; which part of them it is. */
  private double waited(Observed request, int from, int to) {
    List<Observed> others =
        all.stream().filter(o -> o != request && o.from() <= to && o.to() >= from).toList();
    int highest = others.stream().mapToInt(o -> o.priority).max().orElse(Terms.LOWEST);
    int beside = 0;
    int rowsBeside = 0;
    for (int t = from; t <= to; t++) {
      int now = t;
      List<Observed> running =
          others.stream().filter(o -> o.from() <= now && o.to() > now).toList();
      beside = Math.max(beside, running.size());
      rowsBeside = Math.max(rowsBeside, running.stream().mapToInt(o -> o.rows).sum());
    }
    double most =
        4 * Math.max(0, highest - request.priority)
            + Math.ceilDiv(request.rows, ROWS)
            + (request.rows <= ROWS / 2 ? Math.min(beside, 2.0 * rowsBeside / ROWS) : beside);
    assertTrue(
        to - from <= most,
        () ->
            "a request of priority %d with %d rows stepped at %d and then at %d; most is %.1f"
                .formatted(request.priority, request.rows, from, to, most));
    return (to - from) / most;
  }

  @Test
  void aCanvasLargerThanABatchLeavesTheOthersTheTicksItFills() {
    try (Scheduler scheduler = new Scheduler(this::predict, false, ROWS, 10)) {
      scheduler
          .call(
              () -> {
                submit(scheduler, 4 * ROWS, 4 * ROWS, 20, CacheMode.NONE, 0);
                submit(scheduler, 20, 1, 18, CacheMode.NONE, 0);
                submit(scheduler, 20, 1, 18, CacheMode.NONE, 0);
                return true;
              })
          .join();
      assertTrue(scheduler.drain(LONG));
    }
    List<Integer> large = all.getFirst().ticks;
    // Three ticks for the short ones, then one for the long one, until they are done.
    assertEquals(List.of(0, 1, 5, 9, 13, 17, 21), large.subList(0, 7));
    assertEquals(
        List.of(0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20, 22, 23, 24),
        all.get(1).ticks);
    assertEquals(all.get(1).ticks, all.get(2).ticks);
  }

  @Test
  void whatDoesNotFitIsSkippedOnceAndFirstInTheNextBatch() {
    try (Scheduler scheduler = new Scheduler(this::predict, false, ROWS, 10)) {
      scheduler
          .call(
              () -> {
                submit(scheduler, 40, 38, 3, CacheMode.NONE, 0);
                submit(scheduler, 50, 48, 3, CacheMode.NONE, 0);
                submit(scheduler, 14, 12, 6, CacheMode.NONE, 0);
                return true;
              })
          .join();
      assertTrue(scheduler.drain(LONG));
    }
    assertEquals(List.of(0, 1, 3, 5), all.get(0).ticks);
    assertEquals(List.of(0, 2, 4, 6), all.get(1).ticks);
    assertEquals(List.of(0, 1, 2, 3, 4, 5, 6), all.get(2).ticks);
  }

  @Test
  void priorityGoesFirstAndWaitingMakesUpForIt() {
    try (Scheduler scheduler = new Scheduler(this::predict, false, ROWS, 10)) {
      scheduler
          .call(
              () -> {
                // Each fills the batch.
                submit(scheduler, 60, 58, 30, CacheMode.NONE, 0);
                submit(scheduler, 60, 58, 30, CacheMode.NONE, 2);
                return true;
              })
          .join();
      assertTrue(scheduler.drain(LONG));
    }
    // Two levels are eight ticks.
    assertEquals(List.of(0, 9, 18, 27, 34, 35), all.get(0).ticks.subList(0, 6));
  }
}
