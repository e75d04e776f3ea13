/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.kernels.Rope;

/**
 * The two orders of the rows of query and key projections: rotary pairs {@code (i, i + d/2)} lie
 * half a head apart in one, side by side {@code (2i, 2i + 1)} in the other. The same pairs turn by
 * the same angles, so a model is the same in either.
 */
final class RotaryRows {
  private RotaryRows() {}

  /**
   * Where, in the order {@code from}, the row lies that stands at {@code row} in the order {@code
   * to}.
   */
  static long source(long row, int headDim, Rope.Pairing from, Rope.Pairing to) {
    if (from == to) {
      return row;
    }
    long head = row / headDim * headDim;
    int r = (int) (row % headDim);
    int half = headDim / 2;
    return to == Rope.Pairing.INTERLEAVED
        ? head + (r % 2) * half + r / 2
        : head + 2 * (r % half) + r / half;
  }
}
