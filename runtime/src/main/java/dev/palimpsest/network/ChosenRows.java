/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import java.util.Arrays;

/** The rows of a batch whose outputs are wanted, each listed once however often it is asked for. */
final class ChosenRows {
  private int[] rows = new int[64];
  private int[] placeOf = new int[64];
  private int size;

  /** Forgets all, for a batch of so many rows. */
  void begin(int batchRows) {
    if (placeOf.length < batchRows) {
      placeOf = new int[Math.max(batchRows, placeOf.length * 2)];
      rows = new int[placeOf.length];
    }
    Arrays.fill(placeOf, 0, batchRows, -1);
    size = 0;
  }

  /** Where {@code row} is listed; −1, for no row, stays. */
  int place(int row) {
    if (row < 0) {
      return -1;
    }
    if (placeOf[row] < 0) {
      placeOf[row] = size;
      rows[size++] = row;
    }
    return placeOf[row];
  }

  /** The rows of the batch, in the order in which they were first asked for. */
  int[] rows() {
    return rows;
  }

  int size() {
    return size;
  }
}
