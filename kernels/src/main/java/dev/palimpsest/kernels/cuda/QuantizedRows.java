/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Dequantizer;
import dev.palimpsest.kernels.cpu.WeightRounding;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Lays rows of a checkpoint's matrices out as {@code quantized.cuh} reads them. What is stored in
 * the format is moved, not rounded; everything else is rounded as the processor's int8 products
 * round weights.
 */
final class QuantizedRows {
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final WeightFormat format;
  private final int in;

  /** A row of numbers, one for each thread that rounds. */
  private final float[][] floats = new float[Upload.MOST_WORKERS][];

  QuantizedRows(WeightFormat format, int in) {
    this.format = format;
    this.in = in;
  }

  /**
   * Puts row {@code row} of {@code view} in place {@code place} of eight rows, which begin at byte
   * {@code at} of {@code out} and are zero where nothing was put.
   */
  void write(WeightView view, int row, int place, MemorySegment out, long at, int worker) {
    switch (format) {
      case ROWS8 -> rows8(view, row, place, out, at, worker);
      case GROUPS8 -> groups8(view, row, place, out, at);
      case GROUPS4 -> groups4(view, row, place, out, at);
      case COMPUTE -> throw new IllegalStateException("rows of the compute type are not quantised");
    }
  }

  private void rows8(WeightView view, int row, int place, MemorySegment out, long at, int worker) {
    float scale;
    if (view.dtype() == DType.I8) {
      MemorySegment bytes = view.memory();
      long from = (long) row * in;
      for (int k = 0; k < in; k++) {
        put8(out, at, place, k, bytes.get(JAVA_BYTE, from + k));
      }
      float[] one = new float[1];
      Dequantizer.read(view.rowScales().orElseThrow(), row, 1, MemorySegment.ofArray(one), 0);
      scale = one[0];
    } else {
      float[] numbers = numbers(worker);
      Dequantizer.read(view, (long) row * in, in, MemorySegment.ofArray(numbers), 0);
      scale = WeightRounding.scale(numbers, in);
      for (int k = 0; k < in; k++) {
        put8(out, at, place, k, WeightRounding.round(numbers[k], scale));
      }
    }
    out.set(
        JAVA_FLOAT, at + (long) WeightFormat.chunks(in) * format.chunkBytes() + 4L * place, scale);
  }

  private float[] numbers(int worker) {
    if (floats[worker] == null) {
      floats[worker] = new float[in];
    }
    return floats[worker];
  }

  private void groups8(WeightView view, int row, int place, MemorySegment out, long at) {
    MemorySegment blocks = view.memory();
    long from = view.dtype().bytes((long) row * in);
    for (int k = 0; k < in; k += WeightFormat.GROUP, from += view.dtype().blockBytes()) {
      putScale(out, at, place, k, blocks.get(HALF, from));
      for (int i = 0; i < WeightFormat.GROUP; i++) {
        put8(out, at, place, k + i, blocks.get(JAVA_BYTE, from + 2 + i));
      }
    }
  }

  private void groups4(WeightView view, int row, int place, MemorySegment out, long at) {
    MemorySegment blocks = view.memory();
    long from = view.dtype().bytes((long) row * in);
    for (int k = 0; k < in; k += WeightFormat.GROUP, from += view.dtype().blockBytes()) {
      putScale(out, at, place, k, blocks.get(HALF, from));
      // A byte of the block holds elements i and 16 + i; one of ours, neighbours.
      for (int i = 0; i < WeightFormat.GROUP / 2; i += 2) {
        int first = blocks.get(JAVA_BYTE, from + 2 + i);
        int second = blocks.get(JAVA_BYTE, from + 3 + i);
        put4(out, at, place, k + i, first & 15 | (second & 15) << 4);
        put4(out, at, place, k + 16 + i, first >> 4 & 15 | second & 0xF0);
      }
    }
  }

  private void put8(MemorySegment out, long at, int place, int k, byte value) {
    long chunk = at + (long) (k / WeightFormat.CHUNK) * format.chunkBytes();
    out.set(JAVA_BYTE, chunk + 16 * lane(place, k) + 4 * step(k) + k % 16 / 8 * 2 + k % 2, value);
  }

  /** Elements k, which is even, and k + 1. */
  private void put4(MemorySegment out, long at, int place, int k, int pair) {
    long chunk = at + (long) (k / WeightFormat.CHUNK) * format.chunkBytes();
    out.set(JAVA_BYTE, chunk + 8 * lane(place, k) + 2 * step(k) + k % 16 / 8, (byte) pair);
  }

  private void putScale(MemorySegment out, long at, int place, int k, short half) {
    long chunk = at + (long) (k / WeightFormat.CHUNK) * format.chunkBytes();
    int group = k % WeightFormat.CHUNK / WeightFormat.GROUP;
    out.set(JAVA_SHORT, chunk + format.scalesAt() + 2L * (group * WeightFormat.ROWS + place), half);
  }

  /** Which lane multiplies element k of the row in this place. */
  private static int lane(int place, int k) {
    return 4 * place + k % 8 / 2;
  }

  private static int step(int k) {
    return k / 16 % 4;
  }
}
