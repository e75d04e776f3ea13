/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.Timings;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import dev.palimpsest.schedule.RequestObserver;
import dev.palimpsest.schedule.Scheduler;
import dev.palimpsest.schedule.Stepper;
import dev.palimpsest.schedule.Terms;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gpu loop}: blocks of a whole network of random weights, by who goes from step to step. */
@Command(
    name = "loop",
    description = "Blocks of an 8B network of random weights, by who goes from step to step.")
final class LoopCommand implements Callable<Integer> {
  private static final int BLOCK = 32;

  @Mixin private GpuOptions options;
  @Mixin private TimeOptions time;

  /**
   * @param loop who goes from step to step; {@code none} is the host
   * @param milliseconds of a block of 32 in 32 steps with the dual cache, its first step included
   * @param refused why nothing was measured; else empty
   */
  record Row(String loop, int sequences, int length, double milliseconds, String refused) {}

  record Report(ModelShape model, List<Row> blocks, boolean complete) {}

  private final List<Row> rows = new ArrayList<>();
  private ModelShape shape;

  @Override
  public Integer call() {
    shape = options.tiny() ? ModelShape.TINY : ModelShape.LLADA_8B;
    int[][] cases = options.tiny() ? new int[][] {{2, 64}} : new int[][] {{1, 1024}, {8, 1024}};
    boolean complete = true;
    for (CudaOptions.Loop loop :
        List.of(CudaOptions.Loop.NONE, CudaOptions.Loop.LAGGED, CudaOptions.Loop.GRAPH)) {
      try (Arena arena = Arena.ofShared();
          CudaDevice device = options.open(loop)) {
        device.makeWeightsOf(shape.pattern(arena));
        Transformer network =
            new Transformer(device, shape.config(), shape.shapes(arena), done -> {});
        for (int[] size : cases) {
          if (!time.timeLeft()) {
            complete = false;
            break;
          }
          rows.add(row(device, network, loop, size[0], size[1]));
          options.write("loop", new Report(shape, rows, false));
        }
      } catch (IllegalStateException e) {
        rows.add(new Row(name(loop), 0, 0, 0, String.valueOf(e.getMessage())));
      }
    }
    options.write("loop", new Report(shape, rows, complete));
    return 0;
  }

  private static String name(CudaOptions.Loop loop) {
    return loop.name().toLowerCase(Locale.ROOT);
  }

  private Row row(
      CudaDevice device, Transformer network, CudaOptions.Loop loop, int sequences, int length) {
    Stepper stepper =
        new Stepper() {
          @Override
          public void forward(StepBatch batch, Predictions out) {
            network.forward(batch, out);
          }

          @Override
          public Optional<BlockLoop> loop() {
            return network.loop();
          }

          @Override
          public void repeat(StepBatch batch, int most) {
            network.repeat(batch, most);
          }
        };
    try (KvPool pool =
            new KvPool(device, shape.layers(), shape.headShape(), device.freeBytes() / 2);
        Scheduler scheduler =
            new Scheduler(stepper, false, sequences * length, Math.max(1, sequences))) {
      int runs = options.tiny() ? 1 : 5;
      double[] found = new double[runs];
      // The first run makes the graphs.
      for (int i = -1; i < runs; i++) {
        long start = System.nanoTime();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int s = 0; s < sequences; s++) {
          all.add(submit(scheduler, pool, length, s));
        }
        all.forEach(CompletableFuture::join);
        if (i >= 0) {
          found[i] = (System.nanoTime() - start) / 1e6;
        }
      }
      return new Row(name(loop), sequences, length, Timings.median(found), "");
    }
  }

  /** A request for one block at the end of the canvas. */
  private CompletableFuture<Void> submit(Scheduler scheduler, KvPool pool, int length, int number) {
    int[] tokens = new int[length];
    Arrays.setAll(tokens, p -> (int) ((p * 7919L + number) % (shape.vocabulary() - 1)));
    int mask = shape.vocabulary() - 1;
    Arrays.fill(tokens, length - BLOCK, length, mask);
    BitSet fixed = new BitSet();
    fixed.set(0, length - BLOCK);
    MaskedDiffusion process =
        MaskedDiffusion.of(
            tokens, fixed, MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, BLOCK), mask);
    CompletableFuture<Void> done = new CompletableFuture<>();
    scheduler.submit(
        process,
        RequestCache.of(CacheMode.DUAL, 0, pool, length, false),
        Terms.DEFAULT,
        new RequestObserver() {
          @Override
          public void revised(Revision revision) {}

          @Override
          public void finished() {
            done.complete(null);
          }

          @Override
          public void expired() {
            done.completeExceptionally(new TimeoutException());
          }

          @Override
          public void failed(Throwable cause) {
            done.completeExceptionally(cause);
          }

          @Override
          public boolean cancelled() {
            return false;
          }
        });
    return done;
  }
}
