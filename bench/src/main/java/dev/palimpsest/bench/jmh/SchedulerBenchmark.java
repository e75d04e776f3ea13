/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import dev.palimpsest.schedule.RequestObserver;
import dev.palimpsest.schedule.Scheduler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One tick of the scheduler with a network that costs nothing: laying out the batch, choosing what
 * to commit, applying it, for requests that write 64 tokens at the end of their canvas, one a step.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SchedulerBenchmark {
  private static final int TICKS = 64;
  private static final int MASK = 1;

  @Param({"1", "8", "32"})
  public int requests;

  @Param({"128", "1024"})
  public int length;

  private final List<MaskedDiffusion> processes = new ArrayList<>();
  private Scheduler scheduler;
  private CountDownLatch finished;

  private static void predict(StepBatch batch, Predictions out) {
    out.resize(batch.wanted().size());
    for (int i = 0; i < out.size(); i++) {
      out.set(i, 7, 0.5, 0, 0);
    }
  }

  private final class Countdown implements RequestObserver {
    @Override
    public void revised(Revision revision) {}

    @Override
    public void finished() {
      finished.countDown();
    }

    @Override
    public void expired() {
      finished();
    }

    @Override
    public void failed(Throwable cause) {
      finished();
    }

    @Override
    public boolean cancelled() {
      return false;
    }
  }

  @Setup(Level.Trial)
  public void open() {
    scheduler = new Scheduler(SchedulerBenchmark::predict, false, 1 << 20, requests);
    WorkRate.perCall(0, 0);
  }

  @Setup(Level.Invocation)
  public void lay() {
    processes.clear();
    for (int i = 0; i < requests; i++) {
      int[] tokens = new int[length];
      Arrays.fill(tokens, length - TICKS, length, MASK);
      BitSet fixed = new BitSet();
      fixed.set(0, length - TICKS);
      processes.add(
          MaskedDiffusion.of(
              tokens, fixed, MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, TICKS), MASK));
    }
    finished = new CountDownLatch(requests);
  }

  @TearDown(Level.Trial)
  public void close() {
    scheduler.close();
  }

  @Benchmark
  @OperationsPerInvocation(TICKS)
  public void tick() throws InterruptedException {
    // On the scheduler's thread, so that all are there in the first tick.
    scheduler.call(this::submit);
    finished.await();
  }

  private boolean submit() {
    for (MaskedDiffusion process : processes) {
      scheduler.submit(process, new Countdown());
    }
    return true;
  }
}
