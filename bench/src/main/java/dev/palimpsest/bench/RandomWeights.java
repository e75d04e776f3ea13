/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;

/** Weights of any shape without a checkpoint: uniform, of the variance a trained layer has. */
public final class RandomWeights {
  /** Values drawn once and laid end to end; a prime, so that rows of a matrix differ. */
  private static final int PERIOD = 65_521;

  private RandomWeights() {}

  /**
   * A projection {@code [out, in]} in bf16, values uniform with variance {@code 1/in}.
   *
   * @param arena owner of its memory
   */
  public static WeightView matrix(Arena arena, String name, int out, int in, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float scale = (float) Math.sqrt(12.0 / in);
    short[] period = new short[PERIOD];
    for (int i = 0; i < PERIOD; i++) {
      float value = (random.nextFloat() - 0.5f) * scale;
      period[i] = (short) (Float.floatToRawIntBits(value) >>> 16);
    }
    long elements = Math.multiplyExact((long) out, in);
    MemorySegment memory = arena.allocate(DType.BF16.bytes(elements), 64);
    for (long at = 0; at < elements; at += PERIOD) {
      int count = (int) Math.min(PERIOD, elements - at);
      MemorySegment.copy(period, 0, memory, ValueLayout.JAVA_SHORT, 2 * at, count);
    }
    return new WeightView(name, DType.BF16, List.of((long) out, (long) in), memory);
  }

  /** A norm weight: {@code width} ones in f32. */
  public static WeightView ones(Arena arena, String name, int width) {
    MemorySegment memory = arena.allocate(ValueLayout.JAVA_FLOAT, width);
    for (int i = 0; i < width; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1f);
    }
    return new WeightView(name, DType.F32, List.of((long) width), memory);
  }
}
