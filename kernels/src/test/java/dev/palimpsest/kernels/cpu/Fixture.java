/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.palimpsest.bindings.OneDnnLibrary;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Devices of every kind, and numbers to put on them. */
public final class Fixture {
  /** Fills memory that no op may read; a NaN in f32 and in bf16. */
  private static final short POISON = 0x7FC1;

  private Fixture() {}

  /** Every way to multiply, in both precisions, with and without the Vector API. */
  static Stream<CpuOptions> everyDevice() {
    List<CpuOptions> all = new ArrayList<>();
    for (CpuOptions.ComputeType type :
        List.of(CpuOptions.ComputeType.F32, CpuOptions.ComputeType.BF16)) {
      for (CpuOptions.Gemm gemm :
          List.of(CpuOptions.Gemm.ONEDNN, CpuOptions.Gemm.VECTOR, CpuOptions.Gemm.PLAIN)) {
        CpuOptions.Vector vector =
            gemm == CpuOptions.Gemm.PLAIN ? CpuOptions.Vector.OFF : CpuOptions.Vector.AUTO;
        all.add(new CpuOptions(2, type, gemm, vector, CpuOptions.Weights.COMPUTE_TYPE));
      }
    }
    return all.stream();
  }

  /** The same with int8 weights; oneDNN where its sums are exact. */
  static Stream<CpuOptions> everyInt8Device() {
    OneDnnLibrary.find().orThrow();
    boolean exact = DnnlEngine.exactIntegers();
    return everyDevice()
        .filter(options -> exact || options.gemm() != CpuOptions.Gemm.ONEDNN)
        .map(options -> options.withWeights(CpuOptions.Weights.INT8));
  }

  /** Largest relative error of a sum of k products. */
  static double tolerance(CpuDevice device, int k) {
    return device.computeType() == DType.BF16 ? 4e-3 : 1e-6 * Math.sqrt(k);
  }

  public static float[] gaussian(long seed, int n) {
    Random random = new Random(seed);
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  /** The numbers rounded to what the device reads, so that only its sums can err. */
  public static float[] gaussian(long seed, int n, DType type) {
    float[] out = gaussian(seed, n);
    for (int i = 0; type == DType.BF16 && i < n; i++) {
      out[i] = Bfloat16.toFloat(Bfloat16.of(out[i]));
    }
    return out;
  }

  /** A view of deliberately unaligned memory. */
  public static WeightView view(
      Arena arena, String name, DType type, float[] values, long... shape) {
    long bytes = type.bytes(values.length);
    MemorySegment memory = arena.allocate(bytes + 2, 64).asSlice(2, bytes);
    for (int i = 0; i < values.length; i++) {
      switch (type) {
        case F32 -> memory.set(JAVA_FLOAT_UNALIGNED, 4L * i, values[i]);
        case BF16 -> memory.set(JAVA_SHORT_UNALIGNED, 2L * i, Bfloat16.of(values[i]));
        case F16 -> memory.set(JAVA_SHORT_UNALIGNED, 2L * i, Float.floatToFloat16(values[i]));
        default -> throw new IllegalArgumentException(type.toString());
      }
    }
    List<Long> dimensions = new ArrayList<>();
    for (long d : shape) {
      dimensions.add(d);
    }
    return new WeightView(name, type, dimensions, memory.asReadOnly());
  }

  /** A tensor with the values in its first rows and poison in the {@code spare} rows behind. */
  static Tensor tensor(CpuDevice device, DType type, float[] values, int width, int spare) {
    int rows = values.length / width;
    Tensor t = device.allocate(type, rows + spare, width);
    poison(t);
    for (int i = 0; i < values.length; i++) {
      if (type == DType.BF16) {
        t.memory().set(JAVA_SHORT, 2L * i, Bfloat16.of(values[i]));
      } else {
        t.memory().set(JAVA_FLOAT, 4L * i, values[i]);
      }
    }
    return t;
  }

  static Tensor empty(CpuDevice device, DType type, int rows, int width, int spare) {
    Tensor t = device.allocate(type, rows + spare, width);
    poison(t);
    return t;
  }

  private static void poison(Tensor t) {
    for (long i = 0; i + 2 <= t.memory().byteSize(); i += 2) {
      t.memory().set(JAVA_SHORT, i, POISON);
    }
  }

  static float[] read(Tensor t, int rows) {
    float[] out = new float[rows * t.width()];
    for (int i = 0; i < out.length; i++) {
      out[i] =
          t.dtype() == DType.BF16
              ? Bfloat16.toFloat(t.memory().get(JAVA_SHORT, 2L * i))
              : t.memory().get(JAVA_FLOAT, 4L * i);
    }
    return out;
  }

  /** True when the rows from {@code rows} on still hold nothing but poison. */
  static boolean guarded(Tensor t, int rows) {
    long from = t.dtype().bytes((long) rows * t.width());
    long end = t.dtype().bytes((long) t.rows() * t.width());
    for (long i = from; i + 2 <= end; i += 2) {
      if (t.memory().get(JAVA_SHORT, i) != POISON) {
        return false;
      }
    }
    return true;
  }
}
