/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

/**
 * A row with a gap, and what belongs there.
 *
 * @param row the whole row, answer and all
 * @param from first position of the gap
 * @param to position behind its last one
 */
public record Question(int[] row, int from, int to) {
  public Question {
    if (from < 0 || to <= from || to > row.length) {
      throw new IllegalArgumentException(
          "a gap from %d to %d is not in a row of %d".formatted(from, to, row.length));
    }
  }

  /** Whether nothing follows the gap, so that a model that writes from left to right can answer. */
  public boolean open() {
    return to == row.length;
  }
}
