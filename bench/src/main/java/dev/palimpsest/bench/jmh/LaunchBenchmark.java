/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.bench.gpu.RawLaunches;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What Java adds to a launch of eight arguments and to a replay. Needs a driver: a GPU's, or the
 * emulator's.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LaunchBenchmark {
  /**
   * Blocks of a launch, or launches of a replayed graph. Nothing to do is answered by the driver at
   * once, so that what remains is the way there and back.
   */
  @Param({"0", "1"})
  public int work;

  private CudaDevice device;
  private RawLaunches raw;
  private RawLaunches.Replay replay;

  @Setup(Level.Trial)
  public void open() {
    device = CudaDevice.find(CudaOptions.DEFAULT).orThrow();
    raw = new RawLaunches(device);
    replay = raw.capture(work);
  }

  @TearDown(Level.Trial)
  public void close() {
    raw.synchronize();
    replay.close();
    raw.close();
    device.close();
  }

  @Benchmark
  public int launchByBindings() {
    return raw.bindings(work);
  }

  @Benchmark
  public int launchByJcuda() {
    return raw.jcuda(work);
  }

  @Benchmark
  public int replayByBindings() {
    return replay.bindings();
  }

  @Benchmark
  public int replayByJcuda() {
    return replay.jcuda();
  }
}
