/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.bench.Devices;
import dev.palimpsest.bench.RandomWeights;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What every op's benchmark needs: a device and tensors with something in them. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public abstract class OpBenchmark {
  /** Precision of matrix products. */
  @Param({"bf16", "f32"})
  public String dtype;

  /** Worker threads; 0 takes all processors. */
  @Param("0")
  public int threads;

  private Device device;

  /** Opened on first use, closed after the trial. */
  final Device device() {
    if (device == null) {
      device = Devices.cpu(ComputeType.valueOf(dtype.toUpperCase(Locale.ROOT)), threads);
    }
    return device;
  }

  @TearDown(Level.Trial)
  public final void close() {
    if (device != null) {
      device.close();
      device = null;
    }
  }

  /** A tensor of uniform values in ±1. */
  final Tensor filled(DType type, int rows, int width) {
    Tensor tensor = device().allocate(type, rows, width);
    SplittableRandom random = new SplittableRandom(rows * 31L + width);
    MemorySegment memory = tensor.memory();
    for (long i = 0; i < (long) rows * width; i++) {
      float value = 2 * random.nextFloat() - 1;
      if (type == DType.F32) {
        memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      } else {
        memory.setAtIndex(
            ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
      }
    }
    return tensor;
  }

  /** A packed projection {@code [out, in]} of random weights. */
  final PackedLinear packed(int out, int in) {
    try (Arena arena = Arena.ofShared()) {
      return device().pack(RandomWeights.matrix(arena, "w", out, in, 7));
    }
  }

  /** One f32 row of ones. */
  final Tensor ones(int width) {
    try (Arena arena = Arena.ofShared()) {
      return device().vector(RandomWeights.ones(arena, "ones", width));
    }
  }

  static double bytes(Tensor tensor) {
    return tensor.dtype().bytes((long) tensor.rows() * tensor.width());
  }
}
