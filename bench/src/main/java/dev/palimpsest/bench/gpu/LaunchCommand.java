/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.Timings;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.LoopCost;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gpu launches}: what a launch and a replay cost, and how fast memory is. */
@Command(
    name = "launches",
    description = "What launches and graph replays cost by themselves, and a copy on the device.")
final class LaunchCommand implements Callable<Integer> {
  /** About as many as a step of a small model. */
  private static final int NODES = 320;

  /** Launches that a driver takes without waiting for any of them to be done; it holds 1024. */
  private static final int QUEUED = 500;

  @Mixin private GpuOptions options;

  /**
   * Microseconds each, medians.
   *
   * @param bindingsHost the caller's time for a launch through the generated bindings
   * @param jcudaHost the same through JCuda
   * @param device time between launches that wait for nothing
   * @param roundTrip one launch and the wait for it
   * @param replayHost the caller's time for a graph of {@link #nodes} launches
   * @param replayNode the device's time for each launch of the graph
   * @param loop a turn of a loop by who decides that there is another
   * @param copyRate 10⁹ bytes read and written per second
   */
  record Report(
      int nodes,
      double bindingsHost,
      double jcudaHost,
      double device,
      double roundTrip,
      double replayHost,
      double replayNode,
      LoopCost loop,
      double copyRate) {}

  @Override
  public Integer call() {
    int many = options.tiny() ? 20 : 5000;
    int nodes = options.tiny() ? 8 : NODES;
    long copied = options.tiny() ? 1 << 16 : 1L << 30;
    try (CudaDevice device = options.open();
        RawLaunches raw = new RawLaunches(device);
        RawLaunches.Replay replay = raw.capture(nodes)) {
      Runnable launches =
          () -> {
            for (int i = 0; i < many; i++) {
              raw.bindings(1);
            }
          };
      double bindings = host(raw, Math.min(many, QUEUED), i -> raw.bindings(1));
      double jcuda = host(raw, Math.min(many, QUEUED), i -> raw.jcuda(1));
      raw.milliseconds(launches);
      double between = raw.milliseconds(launches) * 1e3 / many;
      double trip =
          host(
              raw,
              many / 4,
              i -> {
                raw.bindings(1);
                raw.synchronize();
              });
      double replayHost = host(raw, 10, i -> replay.bindings());
      double node = raw.milliseconds(() -> repeat(10, i -> replay.bindings())) * 1e3 / 10 / nodes;
      options.write(
          "launches",
          new Report(
              nodes,
              bindings,
              jcuda,
              between,
              trip,
              replayHost,
              node,
              LoopCost.measure(device, options.tiny() ? 5 : 500),
              raw.copyRate(copied)));
    }
    return 0;
  }

  private static void repeat(int n, IntConsumer work) {
    for (int i = 0; i < n; i++) {
      work.accept(i);
    }
  }

  /** Microseconds of the caller, median of seven runs; the device is waited for between runs. */
  private static double host(RawLaunches raw, int n, IntConsumer work) {
    double[] micros = new double[7];
    raw.synchronize();
    repeat(n, work);
    for (int run = 0; run < micros.length; run++) {
      raw.synchronize();
      long start = System.nanoTime();
      repeat(n, work);
      micros[run] = (System.nanoTime() - start) / 1e3 / n;
    }
    raw.synchronize();
    return Timings.median(micros);
  }
}
