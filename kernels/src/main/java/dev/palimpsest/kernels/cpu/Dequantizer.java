/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Reads elements of a checkpoint's tensors, whatever their dtype and alignment. Files are
 * little-endian. Quantised layouts are ggml's {@code block_q8_0} and {@code block_q4_0}, and bytes
 * with a scale for each row.
 */
public final class Dequantizer {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Dequantizer() {}

  /**
   * Refuses what cannot be read as rows of numbers.
   *
   * @throws IllegalArgumentException if the dtype is not numeric weights, or a row is not a whole
   *     number of blocks
   */
  public static void check(String op, WeightView view, int rowLength) {
    if (!view.isNumbers()) {
      throw new IllegalArgumentException(
          op
              + ": tensor "
              + view.name()
              + " is "
              + view.dtype()
              + "; weights must be floating or quantised, with scales");
    }
    if (rowLength % view.dtype().blockLength() != 0) {
      throw new IllegalArgumentException(
          op
              + ": tensor "
              + view.name()
              + " is "
              + view.dtype()
              + " with rows of "
              + rowLength
              + " elements, which is not a whole number of blocks of "
              + view.dtype().blockLength());
    }
  }

  /**
   * Copies {@code n} elements from element {@code first} on as f32.
   *
   * @param first a multiple of the dtype's block length, as is {@code n}
   * @param out native or heap memory, written from byte {@code outAt}
   */
  public static void read(WeightView view, long first, int n, MemorySegment out, long outAt) {
    DType type = view.dtype();
    MemorySegment in = view.memory();
    long at = type.bytes(first);
    switch (type) {
      case F32 -> {
        if (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
          MemorySegment.copy(in, at, out, outAt, 4L * n);
        } else {
          for (int i = 0; i < n; i++) {
            put(out, outAt, i, in.get(FLOAT, at + 4L * i));
          }
        }
      }
      case BF16 -> {
        for (int i = 0; i < n; i++) {
          put(out, outAt, i, Bfloat16.toFloat(in.get(SHORT, at + 2L * i)));
        }
      }
      case F16 -> {
        for (int i = 0; i < n; i++) {
          put(out, outAt, i, Float.float16ToFloat(in.get(SHORT, at + 2L * i)));
        }
      }
      case Q8_0 -> {
        for (int b = 0; b < n / 32; b++, at += type.blockBytes()) {
          float scale = Float.float16ToFloat(in.get(SHORT, at));
          for (int i = 0; i < 32; i++) {
            put(out, outAt, 32 * b + i, scale * in.get(JAVA_BYTE, at + 2 + i));
          }
        }
      }
      case Q4_0 -> {
        for (int b = 0; b < n / 32; b++, at += type.blockBytes()) {
          float scale = Float.float16ToFloat(in.get(SHORT, at));
          for (int i = 0; i < 16; i++) {
            int pair = in.get(JAVA_BYTE, at + 2 + i);
            put(out, outAt, 32 * b + i, scale * ((pair & 15) - 8));
            put(out, outAt, 32 * b + 16 + i, scale * (((pair >> 4) & 15) - 8));
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
        for (int i = 0; i < n; ) {
          int end = (int) Math.min(n, i + width - (first + i) % width);
          float scale = scale(scales, (first + i) / width);
          for (; i < end; i++) {
            put(out, outAt, i, scale * in.get(JAVA_BYTE, at + i));
          }
        }
      }
      case I32 -> throw new IllegalArgumentException("tensor " + view.name() + " is I32");
    }
  }

  /**
   * As {@link #read}, rounded to bf16 (exact where the tensor is bf16).
   *
   * @param floats scratch of at least {@code n} floats
   */
  public static void readBfloat16(
      WeightView view, long first, int n, MemorySegment out, long outAt, MemorySegment floats) {
    if (view.dtype() == DType.BF16 && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      MemorySegment.copy(view.memory(), 2 * first, out, outAt, 2L * n);
      return;
    }
    read(view, first, n, floats, 0);
    for (int i = 0; i < n; i++) {
      out.set(
          ValueLayout.JAVA_SHORT,
          outAt + 2L * i,
          Bfloat16.of(floats.get(ValueLayout.JAVA_FLOAT, 4L * i)));
    }
  }

  private static float scale(WeightView scales, long row) {
    MemorySegment in = scales.memory();
    return switch (scales.dtype()) {
      case F32 -> in.get(FLOAT, 4 * row);
      case F16 -> Float.float16ToFloat(in.get(SHORT, 2 * row));
      default -> Bfloat16.toFloat(in.get(SHORT, 2 * row));
    };
  }

  private static void put(MemorySegment out, long at, int i, float v) {
    out.set(ValueLayout.JAVA_FLOAT, at + 4L * i, v);
  }
}
