/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.Arrays;

/**
 * A ragged batch: which rows of the activations belong to which sequence. Sequence {@code s} owns
 * rows {@code start(s) .. start(s + 1) - 1}. Reused from step to step.
 *
 * <p>Most sequences are all there: position of a row within its sequence = row − start. Of a
 * <em>paged</em> sequence only some positions are in the batch; its queries see the keys and values
 * of all its {@link #context} positions, which lie in pages of a {@link KvStore}.
 */
public final class RowSpans {
  private static final int[] NO_PAGES = {};

  private int[] starts = new int[9];
  private int[] contexts = new int[8];
  private int[][] pages = new int[8][];
  private int sequences;
  private boolean anyPaged;

  /** Forgets all sequences. */
  public void clear() {
    sequences = 0;
    anyPaged = false;
  }

  /** Appends a sequence of {@code length} rows and answers its first row. */
  public int add(int length) {
    return append(length, length, NO_PAGES);
  }

  /**
   * Appends {@code length} rows of a sequence of {@code context} positions that keeps its keys and
   * values in pages, and answers the first row.
   *
   * @param pages position p lies in page {@code pages[p / KvStore.PAGE_TOKENS]}; not copied
   * @throws IllegalArgumentException if the rows are more than the positions, or these more than
   *     the pages hold
   */
  public int add(int length, int context, int[] pages) {
    if (length > context || pages.length < KvStore.pagesFor(context)) {
      throw new IllegalArgumentException(
          length
              + " rows of a sequence of "
              + context
              + " positions in "
              + pages.length
              + " pages of "
              + KvStore.PAGE_TOKENS
              + ": there must be at least as many positions as rows, and pages for all of them");
    }
    anyPaged = true;
    return append(length, context, pages);
  }

  private int append(int length, int context, int[] table) {
    if (length <= 0) {
      throw new IllegalArgumentException("a sequence needs at least one row; found " + length);
    }
    if (sequences + 2 > starts.length) {
      starts = Arrays.copyOf(starts, starts.length * 2);
      contexts = Arrays.copyOf(contexts, starts.length);
      pages = Arrays.copyOf(pages, starts.length);
    }
    contexts[sequences] = context;
    pages[sequences] = table;
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

  /** Positions that the rows of sequence {@code s} see; its length unless it is paged. */
  public int context(int s) {
    return contexts[s];
  }

  /** Whether sequence {@code s} keeps its keys and values in pages. */
  public boolean paged(int s) {
    return pages[s].length > 0;
  }

  /** Pages of sequence {@code s} in order of position; empty unless it is {@link #paged(int)}. */
  public int[] pages(int s) {
    return pages[s];
  }

  /** Whether any sequence is. */
  public boolean paged() {
    return anyPaged;
  }

  /** The sequence that owns {@code row}. */
  public int sequenceOf(int row) {
    int s = Arrays.binarySearch(starts, 0, sequences + 1, row);
    // each sequence has at least one row, so starts are distinct
    return s >= 0 ? s : -s - 2;
  }

  /**
   * For devices: refuses paged sequences that attention cannot serve.
   *
   * @param positions of each row in its sequence
   * @param pages of the store
   * @throws IllegalArgumentException if there are fewer positions than rows, a page is not of the
   *     store, or the positions of a paged sequence do not ascend from 0 to below its context
   */
  public void checkPaging(int[] positions, int pages) {
    if (positions.length < rows()) {
      throw new IllegalArgumentException(
          "attention: %d rows want as many positions; found %d"
              .formatted(rows(), positions.length));
    }
    for (int s = 0; s < sequences; s++) {
      if (paged(s)) {
        checkPages(s, pages);
        checkPositions(s, positions);
      }
    }
  }

  private void checkPages(int s, int limit) {
    for (int i = KvStore.pagesFor(contexts[s]) - 1; i >= 0; i--) {
      if (pages[s][i] < 0 || pages[s][i] >= limit) {
        throw new IllegalArgumentException(
            "attention: sequence %d names page %d; the K/V store has %d"
                .formatted(s, pages[s][i], limit));
      }
    }
  }

  private void checkPositions(int s, int[] positions) {
    int last = -1;
    for (int row = start(s); row < start(s + 1); row++) {
      if (positions[row] <= last || positions[row] >= contexts[s]) {
        throw new IllegalArgumentException(
            "attention: positions of sequence %d must ascend and be below %d; found %d after %d"
                .formatted(s, contexts[s], positions[row], last));
      }
      last = positions[row];
    }
  }
}
