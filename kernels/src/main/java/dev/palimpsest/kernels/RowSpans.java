/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.Arrays;

/**
 * A ragged batch: which rows of the activations belong to which sequence. Sequence {@code s} owns
 * rows {@code start(s) .. start(s + 1) - 1}; position of a row within its sequence = row − start.
 * Reused from step to step.
 */
public final class RowSpans {
  private int[] starts = new int[9];
  private int sequences;

  /** Forgets all sequences. */
  public void clear() {
    sequences = 0;
  }

  /** Appends a sequence of {@code length} rows and answers its first row. */
  public int add(int length) {
    if (length <= 0) {
      throw new IllegalArgumentException("a sequence needs at least one row; found " + length);
    }
    if (sequences + 2 > starts.length) {
      starts = Arrays.copyOf(starts, starts.length * 2);
    }
    int start = starts[sequences];
    starts[++sequences] = Math.addExact(start, length);
    return start;
  }

  public int sequences() {
    return sequences;
  }

  /** First row of sequence {@code s}; {@code start(sequences())} is the number of rows. */
  public int start(int s) {
    return starts[s];
  }

  public int length(int s) {
    return starts[s + 1] - starts[s];
  }

  /** Rows of all sequences together. */
  public int rows() {
    return starts[sequences];
  }
}
