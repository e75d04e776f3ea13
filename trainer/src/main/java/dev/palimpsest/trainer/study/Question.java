/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import java.util.Arrays;

/**
 * A row with a gap, and what belongs there.
 *
 * @param row the whole row, answer and all, as long as those that were learned: a model that sees
 *     everything has seen where a row ends
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

  /**
   * Whether nothing but end tokens follows the gap, so that a model that writes from left to right
   * can answer.
   */
  public boolean open() {
    for (int i = to; i < row.length; i++) {
      if (row[i] != Words.END) {
        return false;
      }
    }
    return true;
  }

  /** The question in a row of {@code length}, filled up with end tokens. */
  public Question filledUp(int length) {
    // Words.END is 0.
    return new Question(Arrays.copyOf(row, length), from, to);
  }
}
