/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPool;
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
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A tick allocates a little for each request that steps, most of it the revision, and nothing for
 * the length of its canvas; counted on the scheduler's thread with a network that allocates
 * nothing.
 */
@Timeout(60)
class TickAllocationTest {
  private static final int MASK = 1;
  private static final int TICKS = 200;
  private static final int WARM = 60;
  private static final long MOST_BYTES = 1200;

  /** The JIT takes that long at most until short-lived objects no longer come to be. */
  private static final int MOST_ROUNDS = 10;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private int tick;
  private long atWarm;
  private long atEnd;

  private void predict(StepBatch batch, Predictions out) {
    out.resize(batch.wanted().size());
    for (int i = 0; i < out.size(); i++) {
      out.set(i, 7, 0.5, 0, 0);
    }
    tick++;
    if (tick == WARM) {
      atWarm = threads.getCurrentThreadAllocatedBytes();
    } else if (tick == TICKS) {
      atEnd = threads.getCurrentThreadAllocatedBytes();
    }
  }

  /** Leaves once all is counted. */
  private final class Silent implements RequestObserver {
    @Override
    public void revised(Revision revision) {}

    @Override
    public void finished() {}

    @Override
    public void expired() {}

    @Override
    public void failed(Throwable cause) {}

    @Override
    public boolean cancelled() {
      return tick >= TICKS;
    }
  }

  @ParameterizedTest
  @EnumSource(names = "BLOCK", mode = EnumSource.Mode.EXCLUDE)
  void bytesOfATickGrowWithItsRequestsAlone(CacheMode mode) {
    try (CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1));
        KvPool pool = new KvPool(device, 1, new HeadShape(1, 1, 8), 3000L * 64 * 2 * 8 * 4)) {
      for (int requests : new int[] {1, 8, 32}) {
        for (int length : new int[] {TICKS + 8, 2048}) {
          long bytes = Long.MAX_VALUE;
          for (int round = 0; bytes > MOST_BYTES * requests && round < MOST_ROUNDS; round++) {
            bytes = bytesOfATick(pool, mode, requests, length);
          }
          long found = bytes;
          assertTrue(
              bytes <= MOST_BYTES * requests,
              () -> "%d requests of %d tokens: %d bytes".formatted(requests, length, found));
        }
      }
    }
  }

  /** All canvases in each batch; one token a step, all in one block. */
  private long bytesOfATick(KvPool pool, CacheMode mode, int requests, int length) {
    tick = 0;
    try (Scheduler scheduler = new Scheduler(this::predict, false, 1 << 30, requests)) {
      scheduler
          .call(
              () -> {
                for (int i = 0; i < requests; i++) {
                  scheduler.submit(
                      process(length),
                      RequestCache.of(mode, 100, pool, length, false),
                      Terms.DEFAULT,
                      new Silent());
                }
                return true;
              })
          .join();
      assertTrue(scheduler.drain(Duration.ofSeconds(50)));
    }
    return (atEnd - atWarm) / (TICKS - WARM);
  }

  private static MaskedDiffusion process(int length) {
    int[] tokens = new int[length];
    Arrays.fill(tokens, 2, length, MASK);
    BitSet fixed = new BitSet();
    fixed.set(0, 2);
    return MaskedDiffusion.of(
        tokens, fixed, MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, length - 2), MASK);
  }
}
