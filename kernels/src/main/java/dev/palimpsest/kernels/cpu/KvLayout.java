/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.KvStore;

/**
 * How the keys and values of one head lie in memory, in blocks of {@link #BLOCK} positions, ready
 * to be the right side of a matrix product. A block of keys stands for {@code [headDim][BLOCK]},
 * one of values for {@code [BLOCK][headDim]}, cut into {@link #valueParts} of {@link #valueWidth}
 * columns.
 *
 * <p>In f32 these are plain rows. In bf16 they are what oneDNN calls {@code BA16a64b2a}: rows 2i
 * and 2i + 1 interleaved, so that neighbours of a sum share 32 bits. What pads the last rows and
 * columns is zero.
 *
 * @param keyBytes of a block of keys
 * @param valueBytes of a block of one part of the values
 */
record KvLayout(
    DType type, int headDim, int keyBytes, int valueWidth, int valueParts, int valueBytes) {
  static final int BLOCK = KvStore.PAGE_TOKENS;

  /** Rows that oneDNN pads a sum to. */
  private static final int SUM_STEP = 32;

  /** For products by oneDNN; its column blocks are 64, 48, 32 or 16 wide. */
  static KvLayout bfloat16(int headDim) {
    int columns = roundUp(headDim, 16);
    int width = 64;
    while (columns % width != 0) {
      width -= 16;
    }
    return new KvLayout(
        DType.BF16,
        headDim,
        2 * BLOCK * roundUp(headDim, SUM_STEP),
        width,
        columns / width,
        2 * BLOCK * width);
  }

  /**
   * For products by the row kernels.
   *
   * @param panel columns they fill at once; divides {@link #BLOCK}
   */
  static KvLayout float32(int headDim, int panel) {
    int width = roundUp(headDim, panel);
    return new KvLayout(DType.F32, headDim, 4 * BLOCK * headDim, width, 1, 4 * BLOCK * width);
  }

  /** Columns of the values with their padding. */
  int outputWidth() {
    return valueWidth * valueParts;
  }

  /** Keys and values of a block. */
  long blockBytes() {
    return keyBytes + (long) valueParts * valueBytes;
  }

  static int roundUp(int n, int step) {
    return (n + step - 1) / step * step;
  }
}
