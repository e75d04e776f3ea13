/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Float arrays as the little-endian numbers of a checkpoint file. */
final class Numbers {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Numbers() {}

  /**
   * The bytes of the values.
   *
   * @param dtype F32, or BF16 rounded to nearest even
   * @throws IllegalArgumentException for another dtype
   */
  static MemorySegment encode(float[] values, DType dtype) {
    MemorySegment bytes =
        MemorySegment.ofArray(new byte[Math.toIntExact(dtype.bytes(values.length))]);
    switch (dtype) {
      case F32 -> {
        for (int i = 0; i < values.length; i++) {
          bytes.set(FLOAT, 4L * i, values[i]);
        }
      }
      case BF16 -> {
        for (int i = 0; i < values.length; i++) {
          bytes.set(SHORT, 2L * i, bfloat16(values[i]));
        }
      }
      default ->
          throw new IllegalArgumentException(
              "weights are written as F32 or BF16; " + dtype + " was asked for");
    }
    return bytes;
  }

  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
