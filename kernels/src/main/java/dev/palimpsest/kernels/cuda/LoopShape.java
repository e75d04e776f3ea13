/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

/**
 * The sizes that batches of a loop are padded to. A graph is of one grid and one set of addresses;
 * with few sizes, few graphs serve all batches. How much padding that is worth is not measured:
 * part {@code loop} of {@code bench/gpu} measures blocks of whole tiles, against steps without
 * padding.
 */
final class LoopShape {
  /** Rows of the tiles that products and the head are cut into, by how many rows there are. */
  private static final int SMALL = 32;

  private static final int MIDDLE = 64;
  private static final int LARGE = 128;

  private LoopShape() {}

  /** Rows of a batch: whole tiles, which would be multiplied anyway. */
  static int rows(int n) {
    int tile = n <= SMALL ? SMALL : n <= MIDDLE ? MIDDLE : LARGE;
    return (n + tile - 1) / tile * tile;
  }

  /** Anything else: at most a quarter more, and 0 stays 0. */
  static int up(int n) {
    int step = Math.max(1, Integer.highestOneBit(Math.max(1, n)) / 4);
    return (n + step - 1) / step * step;
  }
}
