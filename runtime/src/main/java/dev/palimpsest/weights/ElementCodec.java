/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Turns elements of tensors into floats and back, for tools that rewrite checkpoints. Files are
 * little-endian; quantised layouts are ggml's, and bytes with a scale for each row.
 */
public final class ElementCodec {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int BLOCK = 32;

  private ElementCodec() {}

  /**
   * Reads elements {@code [first, first + n)} into the front of {@code out}.
   *
   * @throws IllegalArgumentException if the range is not whole blocks of the tensor, or the tensor
   *     is no numbers (I32, or I8 without row scales)
   */
  public static void decode(WeightView view, long first, int n, float[] out) {
    DType type = view.dtype();
    if (first % type.blockLength() != 0) {
      throw new IllegalArgumentException(
          "tensor " + view.name() + ": element " + first + " is within a block of " + type);
    }
    MemorySegment in = view.memory();
    long at = type.bytes(first);
    type.bytes(n);
    switch (type) {
      case F32 -> MemorySegment.copy(in, FLOAT, at, out, 0, n);
      case BF16 -> {
        for (int i = 0; i < n; i++) {
          out[i] = Float.intBitsToFloat(in.get(SHORT, at + 2L * i) << 16);
        }
      }
      case F16 -> {
        for (int i = 0; i < n; i++) {
          out[i] = Float.float16ToFloat(in.get(SHORT, at + 2L * i));
        }
      }
      case Q8_0 -> {
        for (int b = 0; b < n; b += BLOCK, at += type.blockBytes()) {
          float scale = Float.float16ToFloat(in.get(SHORT, at));
          for (int i = 0; i < BLOCK; i++) {
            out[b + i] = scale * in.get(ValueLayout.JAVA_BYTE, at + 2 + i);
          }
        }
      }
      case Q4_0 -> {
        for (int b = 0; b < n; b += BLOCK, at += type.blockBytes()) {
          float scale = Float.float16ToFloat(in.get(SHORT, at));
          for (int i = 0; i < BLOCK / 2; i++) {
            int pair = in.get(ValueLayout.JAVA_BYTE, at + 2 + i);
            out[b + i] = scale * ((pair & 15) - 8);
            out[b + i + BLOCK / 2] = scale * (((pair >> 4) & 15) - 8);
          }
        }
      }
      case I8 -> {
        WeightView scales =
            view.rowScales()
                .orElseThrow(
                    () ->
                        new IllegalArgumentException(
                            "tensor " + view.name() + " is I8 without row scales"));
        int width = view.dimension(1);
        float[] scale = new float[1];
        for (int i = 0; i < n; ) {
          int end = (int) Math.min(n, i + width - (first + i) % width);
          decode(scales, (first + i) / width, 1, scale);
          for (; i < end; i++) {
            out[i] = scale[0] * in.get(ValueLayout.JAVA_BYTE, at + i);
          }
        }
      }
      case I32 ->
          throw new IllegalArgumentException("tensor " + view.name() + " is I32, not numbers");
    }
  }

  /**
   * Writes the first {@code n} floats of {@code in} at byte {@code at} of {@code out}, rounded to
   * nearest. Q8_0 as ggml's {@code quantize_row_q8_0_ref}: scale max|x|/127.
   *
   * @throws IllegalArgumentException for Q4_0, I32 and I8, or if {@code n} is not whole blocks
   */
  public static void encode(float[] in, int n, DType type, MemorySegment out, long at) {
    type.bytes(n);
    switch (type) {
      case F32 -> MemorySegment.copy(in, 0, out, FLOAT, at, n);
      case BF16 -> {
        for (int i = 0; i < n; i++) {
          out.set(SHORT, at + 2L * i, bfloat16(in[i]));
        }
      }
      case F16 -> {
        for (int i = 0; i < n; i++) {
          out.set(SHORT, at + 2L * i, Float.floatToFloat16(in[i]));
        }
      }
      case Q8_0 -> {
        for (int b = 0; b < n; b += BLOCK, at += type.blockBytes()) {
          quantise(in, b, out, at);
        }
      }
      case Q4_0, I32, I8 ->
          throw new IllegalArgumentException(
              "tensors cannot be written as " + type + "; use F32, F16, BF16 or Q8_0");
    }
  }

  /** Ties to even; NaN stays NaN. */
  private static short bfloat16(float x) {
    int bits = Float.floatToRawIntBits(x);
    return x != x
        ? (short) ((bits >>> 16) | 0x40)
        : (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  private static void quantise(float[] in, int from, MemorySegment out, long at) {
    float largest = 0;
    for (int i = 0; i < BLOCK; i++) {
      largest = Math.max(largest, Math.abs(in[from + i]));
    }
    float scale = largest / 127;
    float inverse = scale == 0 ? 0 : 1 / scale;
    out.set(SHORT, at, Float.floatToFloat16(scale));
    for (int i = 0; i < BLOCK; i++) {
      float scaled = in[from + i] * inverse;
      // Halves go away from zero, as C's roundf has it.
      int q = (int) (Math.signum(scaled) * Math.floor(Math.abs(scaled) + 0.5));
      out.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) q);
    }
  }
}
