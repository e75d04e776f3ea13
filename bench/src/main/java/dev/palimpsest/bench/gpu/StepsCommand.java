/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.Timings;
import dev.palimpsest.cache.KvPages;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.network.Transformer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gpu steps}: a whole network of random weights, step by step. */
@Command(
    name = "steps",
    description = "Load speed, full steps and block steps of an 8B network of random weights.")
final class StepsCommand implements Callable<Integer> {
  private static final int BLOCK = 32;

  /** Rows of a network call; a step of more takes several. */
  private static final int MOST_ROWS = 16384;

  @Mixin private GpuOptions options;
  @Mixin private TimeOptions time;

  @Option(
      names = "--price",
      defaultValue = "2.5",
      paramLabel = "DOLLARS",
      description = "Of the GPU for an hour (default: ${DEFAULT-VALUE}).")
  private double price;

  /**
   * One batch size at one length: the whole canvas once, and blocks of 32 against what is stored.
   *
   * @param fullMilliseconds of a step that feeds every position
   * @param blockMilliseconds of a step that feeds a block of each sequence
   * @param leastBlockMilliseconds what the bytes of weights, keys and values, and the operations
   *     allow
   * @param tokensPerSecond of blocks in 32 steps each, the first of them full
   * @param tokensPerSecondFour the same in 8 steps
   * @param watts mean over the block steps; 0 when nothing tells
   * @param joulesPerToken and what a million tokens cost, at {@link #tokensPerSecondFour}
   * @param refused why nothing was measured; else empty
   */
  record Row(
      int sequences,
      int length,
      double fullMilliseconds,
      double leastFullMilliseconds,
      double blockMilliseconds,
      double leastBlockMilliseconds,
      double tokensPerSecond,
      double tokensPerSecondFour,
      double watts,
      double joulesPerToken,
      double dollarsPerMillion,
      String refused) {}

  /**
   * @param loadRate 10⁹ bytes a second from a mapped file, in the page cache, to the device; 0
   *     where there is no room for such a file
   * @param makeSeconds to make the weights on the device
   */
  record Report(
      ModelShape model,
      Ceilings ceilings,
      double pricePerHour,
      double loadRate,
      double makeSeconds,
      List<Row> steps,
      boolean complete) {}

  private final List<Row> rows = new ArrayList<>();
  private ModelShape shape;
  private Ceilings ceilings;
  private double loadRate;
  private double makeSeconds;

  @Override
  public Integer call() {
    shape = options.tiny() ? ModelShape.TINY : ModelShape.LLADA_8B;
    int[][] cases =
        options.tiny()
            ? new int[][] {{1, 64}, {2, 96}, {1 << 20, 64}}
            : new int[][] {
              {1, 1024},
              {1, 256},
              {1, 4096},
              {8, 1024},
              {8, 256},
              {32, 256},
              {32, 1024},
              {8, 4096},
              {32, 4096}
            };
    boolean complete = true;
    try (Arena arena = Arena.ofShared();
        CudaDevice device = options.open()) {
      try (RawLaunches raw = new RawLaunches(device)) {
        ceilings = Ceilings.of(device, raw.copyRate(options.tiny() ? 1 << 16 : 1L << 30));
      }
      Nvml nvml = Nvml.of(device);
      loadRate = loadRate(device, arena);
      long start = System.nanoTime();
      device.makeWeightsOf(shape.pattern(arena));
      Transformer network =
          new Transformer(device, shape.config(), shape.shapes(arena), done -> {});
      device.milliseconds(() -> {});
      makeSeconds = (System.nanoTime() - start) / 1e9;
      for (int[] size : cases) {
        if (!time.timeLeft()) {
          complete = false;
          break;
        }
        rows.add(measure(device, network, new PowerMeter(nvml.device()), size[0], size[1]));
        write(false);
      }
    }
    write(complete);
    return 0;
  }

  private void write(boolean complete) {
    options.write(
        "steps", new Report(shape, ceilings, price, loadRate, makeSeconds, rows, complete));
  }

  /** A matrix from a file, twice; the second time nothing of it has to be read from the disk. */
  private double loadRate(CudaDevice device, Arena arena) {
    int in = shape.hidden();
    // No more than a disk has room for: a mapped file fails where it is written.
    long room = ScratchFile.room() / 2 / (2L * in);
    int out = (int) Math.min(options.tiny() ? 1024 : 262_144, room);
    if (out < 1024) {
      return 0;
    }
    long bytes = 2L * in * out;
    MemorySegment mapped = ScratchFile.map(arena, bytes);
    SplittableRandom random = new SplittableRandom(3);
    for (long i = 0; i < bytes; i += 8) {
      // Numbers of about one: no NaN, and no two pages alike.
      mapped.set(
          ValueLayout.JAVA_LONG, i, random.nextLong() & 0x807F807F807F807FL | 0x3F003F003F003F00L);
    }
    WeightView view = new WeightView("load", DType.BF16, List.of((long) out, (long) in), mapped);
    double best = 0;
    for (int i = 0; i < 2; i++) {
      long start = System.nanoTime();
      PackedLinear map = device.pack(view);
      device.milliseconds(() -> {});
      best = Math.max(best, bytes / (double) (System.nanoTime() - start));
      device.free(map);
    }
    return best;
  }

  private Row measure(
      CudaDevice device, Transformer network, PowerMeter power, int sequences, int length) {
    KvPool pool = null;
    try {
      // Activations of a call and the head's logits stay out of the caches' budget.
      long budget = Math.max(0, device.freeBytes() - (options.tiny() ? 1L << 20 : 6L << 30));
      pool = new KvPool(device, shape.layers(), shape.headShape(), budget);
      pool.checkFits(length, sequences);
      KvPages[] pages = new KvPages[sequences];
      for (int s = 0; s < sequences; s++) {
        pages[s] = pool.reserve(length).orElseThrow();
        pages[s].prepare();
      }
      int atOnce = Math.max(1, Math.min(sequences, MOST_ROWS / length));
      List<StepBatch> full = new ArrayList<>();
      for (int s = 0; s < sequences; s += atOnce) {
        full.add(
            batch(Arrays.copyOfRange(pages, s, Math.min(sequences, s + atOnce)), length, length));
      }
      StepBatch block = batch(pages, BLOCK, length);
      Predictions predictions = new Predictions();
      double fullTime = time(() -> full.forEach(b -> network.forward(b, predictions)));
      network.forward(block, predictions);
      network.forward(block, predictions);
      power.start();
      double blockTime = time(() -> network.forward(block, predictions));
      double watts = power.watts();
      double each = tokensPerSecond(sequences, fullTime, blockTime, BLOCK);
      double four = tokensPerSecond(sequences, fullTime, blockTime, BLOCK / 4);
      double stored = 2.0 * 2 * shape.layers() * shape.hidden() * (double) length * sequences;
      return new Row(
          sequences,
          length,
          fullTime,
          least((double) sequences * length, sequences, length, stored),
          blockTime,
          least((double) sequences * BLOCK, sequences, length, stored),
          each,
          four,
          watts,
          watts / four,
          price / 3600 / four * 1e6,
          "");
    } catch (IllegalStateException | IllegalArgumentException e) {
      return new Row(sequences, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, String.valueOf(e.getMessage()));
    } finally {
      if (pool != null) {
        pool.close();
      }
    }
  }

  /** Blocks of 32 in so many steps each, of which the first feeds everything. */
  private static double tokensPerSecond(
      int sequences, double fullTime, double blockTime, int steps) {
    return 1e3 * sequences * BLOCK / (fullTime + (steps - 1) * blockTime);
  }

  private double least(double fed, int sequences, int length, double stored) {
    double attention = 4.0 * fed * length * shape.hidden() * shape.layers();
    return ceilings.milliseconds(
        shape.operations(fed, (double) sequences * BLOCK) + attention, shape.stepBytes() + stored);
  }

  /** The last {@code fed} positions of each sequence; its last block is wanted. */
  private StepBatch batch(KvPages[] pages, int fed, int length) {
    StepBatch batch = new StepBatch();
    int[] places = IntStream.range(length - fed, length).toArray();
    for (KvPages sequence : pages) {
      int first = batch.addSequence(sequence, places, fed, length);
      for (int i = 0; i < fed; i++) {
        batch.tokens()[first + i] = (int) ((places[i] * 7919L + 13) % shape.vocabulary());
      }
      for (int i = fed - BLOCK; i < fed; i++) {
        batch.wanted().add(first + i, Sampling.GREEDY, 1, 0, places[i]);
      }
    }
    return batch;
  }

  /** Milliseconds of a step as its caller sees it: the median of what fits into 1.5 s. */
  private double time(Runnable step) {
    long start = System.nanoTime();
    step.run();
    double first = (System.nanoTime() - start) / 1e6;
    // The first time launches one by one, the second makes the graph.
    if (first < 5000) {
      step.run();
    }
    int n = options.tiny() ? 2 : (int) Math.clamp(1500 / first, 2, 30);
    double[] found = new double[n];
    for (int i = 0; i < n; i++) {
      start = System.nanoTime();
      step.run();
      found[i] = (System.nanoTime() - start) / 1e6;
    }
    return Timings.median(found);
  }
}
