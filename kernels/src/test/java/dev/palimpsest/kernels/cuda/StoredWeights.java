/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Dequantizer;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.WeightRounding;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A random matrix as a checkpoint stores it.
 *
 * @param kept the numbers that a device with int8 weights multiplies by
 */
record StoredWeights(WeightView view, float[] kept) {
  /** {@code rows} rows of {@code k}, of about one each. */
  static StoredWeights of(Arena arena, DType stored, long seed, int rows, int k) {
    Random random = new Random(seed);
    if (stored == DType.F32) {
      float[] w = Fixture.gaussian(seed, rows * k);
      return new StoredWeights(
          Fixture.view(arena, "w", DType.F32, w, rows, k), rounded(w, rows, k));
    }
    // At an odd address: nothing says that a file's tensors lie at even ones.
    long bytes = stored.bytes((long) rows * k);
    MemorySegment memory = arena.allocate(bytes + 1, 64).asSlice(1, bytes);
    for (long i = 0; i < bytes; i++) {
      memory.set(JAVA_BYTE, i, (byte) random.nextInt());
    }
    List<Long> shape = List.of((long) rows, (long) k);
    WeightView view = new WeightView("w", stored, shape, memory.asReadOnly());
    if (stored == DType.I8) {
      float[] scales = new float[rows];
      for (int i = 0; i < rows; i++) {
        scales[i] = (1 + random.nextFloat()) / 100;
      }
      view = view.scaledBy(Fixture.view(arena, "scales", DType.F32, scales, rows));
    } else {
      for (long i = 0; i < bytes; i += stored.blockBytes()) {
        float scale = (0.5f + random.nextFloat()) * (stored == DType.Q4_0 ? 0.2f : -0.01f);
        memory.set(JAVA_SHORT_UNALIGNED, i, Float.floatToFloat16(scale));
      }
    }
    float[] kept = new float[rows * k];
    Dequantizer.read(view, 0, kept.length, MemorySegment.ofArray(kept), 0);
    return new StoredWeights(view, kept);
  }

  private static float[] rounded(float[] w, int rows, int k) {
    float[] kept = new float[w.length];
    for (int r = 0; r < rows; r++) {
      float scale = WeightRounding.scale(Arrays.copyOfRange(w, r * k, (r + 1) * k), k);
      for (int i = r * k; i < (r + 1) * k; i++) {
        kept[i] = scale * WeightRounding.round(w[i], scale);
      }
    }
    return kept;
  }

  /** Rows of one group of 32 bytes that are 1, with the float16 numbers from {@code first} on. */
  static WeightView scales(Arena arena, int first, int rows) {
    MemorySegment memory = arena.allocate(34L * rows, 64);
    memory.fill((byte) 1);
    for (int i = 0; i < rows; i++) {
      memory.set(JAVA_SHORT_UNALIGNED, 34L * i, (short) (first + i));
    }
    return new WeightView("scales", DType.Q8_0, List.of((long) rows, 32L), memory.asReadOnly());
  }

  /** The kept numbers of both, side by side. */
  static float[] together(StoredWeights first, StoredWeights second) {
    float[] all = Arrays.copyOf(first.kept, first.kept.length + second.kept.length);
    System.arraycopy(second.kept, 0, all, first.kept.length, second.kept.length);
    return all;
  }
}
