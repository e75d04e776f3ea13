/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.stream.IntStream;

/**
 * How the positions to write divide into blocks: index of each block's first among them, and one
 * more entry, their number.
 */
final class BlockStarts {
  private BlockStarts() {}

  /** {@code length} positions to a block, the last one may be shorter; 0 makes one block. */
  static int[] ofCount(int positions, int length) {
    int each = length == 0 ? Math.max(1, positions) : length;
    return IntStream.rangeClosed(0, Math.ceilDiv(positions, each))
        .map(b -> (int) Math.min(positions, (long) b * each))
        .toArray();
  }

  /**
   * Blocks of {@code length} tile the canvas from position 0; those without a position to write are
   * left out.
   *
   * @param written ascending
   */
  static int[] ofPositions(int[] written, int length) {
    IntStream begins =
        IntStream.range(0, written.length)
            .filter(i -> i == 0 || written[i] / length != written[i - 1] / length);
    return IntStream.concat(begins, IntStream.of(written.length)).toArray();
  }
}
