/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.TestBed;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.function.Supplier;

/** A device on the emulator, and numbers to put on it and to read from it. */
final class CudaFixture implements TestBed {
  /** A NaN in f32 and in bf16; fills memory that no kernel may read or write. */
  private static final short POISON = 0x7FC1;

  /** Schedules that every result is computed in; on a GPU, runs. */
  static final int SEEDS = Integer.getInteger("palimpsest.test.schedules", 3);

  final CudaDevice device;
  final DType type;
  final Arena arena = Arena.ofShared();

  CudaFixture(ComputeType compute) {
    this(compute, true);
  }

  /** A device that pretends to a compute capability, 80 for 8.0. */
  CudaFixture(ComputeType compute, int capability) {
    this(compute, true, () -> Emulator.capability(capability));
  }

  CudaFixture(ComputeType compute, boolean checked) {
    this(compute, checked, () -> {});
  }

  private CudaFixture(ComputeType compute, boolean checked, Runnable settings) {
    this(CudaOptions.DEFAULT.withComputeType(compute).withChecked(checked), settings);
  }

  /** A device that keeps weights so. */
  CudaFixture(ComputeType compute, CudaOptions.Weights weights) {
    this(
        CudaOptions.DEFAULT.withComputeType(compute).withWeights(weights).withChecked(true),
        () -> {});
  }

  private CudaFixture(CudaOptions options, Runnable settings) {
    Emulator.required();
    settings.run();
    device = CudaDevice.find(options).orThrow();
    type = device.computeType();
  }

  /** Numbers rounded to what the device reads, so that only its sums can err. */
  float[] gaussian(long seed, int n) {
    return Fixture.gaussian(seed, n, type);
  }

  /** Largest relative error of a sum of k products. */
  double tolerance(int k) {
    return type == DType.BF16 ? 4e-3 : 1e-6 * Math.sqrt(k);
  }

  @Override
  public CudaDevice device() {
    return device;
  }

  @Override
  public Arena arena() {
    return arena;
  }

  /** A tensor with the values in its first rows and poison in two rows behind. */
  @Override
  public Tensor tensor(DType dtype, float[] values, int width) {
    Tensor t = device.allocate(dtype, values.length / width + 2, width);
    MemorySegment host = poison(t);
    for (int i = 0; i < values.length; i++) {
      if (dtype == DType.BF16) {
        host.setAtIndex(JAVA_SHORT, i, narrow(values[i]));
      } else {
        host.setAtIndex(JAVA_FLOAT, i, values[i]);
      }
    }
    upload(t, host);
    return t;
  }

  /** Nothing but poison, with two rows more than asked for. */
  @Override
  public Tensor empty(DType dtype, int rows, int width) {
    Tensor t = device.allocate(dtype, rows + 2, width);
    upload(t, poison(t));
    return t;
  }

  private MemorySegment poison(Tensor t) {
    MemorySegment host = arena.allocate(bytes(t), 64);
    for (long i = 0; i < host.byteSize(); i += 2) {
      host.set(JAVA_SHORT, i, POISON);
    }
    return host;
  }

  private static long bytes(Tensor t) {
    return t.dtype().bytes((long) t.rows() * t.width());
  }

  /** On the device's own stream: no other one waits for it, nor it for them. */
  private void upload(Tensor t, MemorySegment host) {
    CudaContext context = device.context();
    context.enter();
    context.upload(host, 0, t.memory().address(), host.byteSize());
    context.synchronize("test");
  }

  @Override
  public float[] read(Tensor t, int rows) {
    try (Arena mine = Arena.ofConfined()) {
      MemorySegment host = mine.allocate(bytes(t), 64);
      CudaContext context = device.context();
      context.enter();
      context.download(t.memory().address(), host, 0, host.byteSize());
      context.synchronize("test");
      float[] out = new float[rows * t.width()];
      for (int i = 0; i < out.length; i++) {
        out[i] =
            t.dtype() == DType.BF16
                ? Float.intBitsToFloat(host.getAtIndex(JAVA_SHORT, i) << 16)
                : host.getAtIndex(JAVA_FLOAT, i);
      }
      for (long i = t.dtype().bytes(out.length); i < host.byteSize(); i += 2) {
        assertTrue(host.get(JAVA_SHORT, i) == POISON, "wrote behind its rows");
      }
      return out;
    }
  }

  private static short narrow(float x) {
    int bits = Float.floatToRawIntBits(x);
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  @Override
  public float[] found(String what, Supplier<float[]> op) {
    return anySchedule(what, op);
  }

  /** Runs an op in several schedules, which must give the same bits. */
  static float[] anySchedule(String what, Supplier<float[]> op) {
    return anySchedule(what, SEEDS, op);
  }

  static float[] anySchedule(String what, int schedules, Supplier<float[]> op) {
    Random seeds = new Random(what.hashCode());
    float[] first = null;
    for (int i = 0; i < schedules; i++) {
      Emulator.seed(seeds.nextLong());
      float[] found = op.get();
      if (first == null) {
        first = found;
      }
      assertArrayEquals(first, found, what + ": the schedule shows in the result");
    }
    return first;
  }

  static void near(String what, float[] found, double[] expected, double tolerance) {
    double error = Reference.relativeError(found, expected);
    assertTrue(error <= tolerance, what + ": relative error " + error + " > " + tolerance);
  }

  @Override
  public void close() {
    device.close();
    arena.close();
  }
}
