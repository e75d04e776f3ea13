/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.RowSpans;
import java.util.Arrays;

/**
 * The input of one network call: several sequences laid end to end, and which of their positions
 * are to be predicted. Filled anew for every step; its arrays grow and are reused.
 */
public final class StepBatch {
  private int[] tokens = new int[256];
  private int[] positions = new int[256];
  private final RowSpans spans = new RowSpans();
  private final PredictionRows wanted = new PredictionRows();

  public void clear() {
    spans.clear();
    wanted.clear();
  }

  /**
   * Appends a sequence of {@code length} rows with positions 0, 1, …; the caller fills its tokens
   * in {@link #tokens}.
   *
   * @return the sequence's first row
   */
  public int addSequence(int length) {
    int start = spans.add(length);
    int rows = spans.rows();
    if (rows > tokens.length) {
      int capacity = Math.max(rows, tokens.length * 2);
      tokens = Arrays.copyOf(tokens, capacity);
      positions = Arrays.copyOf(positions, capacity);
    }
    for (int i = 0; i < length; i++) {
      positions[start + i] = i;
    }
    return start;
  }

  /** Token id of each row; valid up to {@link #rows}, replaced when the batch grows. */
  public int[] tokens() {
    return tokens;
  }

  /** Position of each row within its sequence. */
  public int[] positions() {
    return positions;
  }

  public RowSpans spans() {
    return spans;
  }

  /** What to predict; rows count from 0 over the whole batch. */
  public PredictionRows wanted() {
    return wanted;
  }

  public int rows() {
    return spans.rows();
  }
}
