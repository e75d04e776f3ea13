/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.cache.KvPages;
import dev.palimpsest.kernels.BlockBatch;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.RowSpans;
import java.util.Arrays;
import java.util.Optional;

/**
 * The input of one network call: several sequences laid end to end, and which of their positions
 * are to be predicted; and beside them what a hybrid latent model is to do. Filled anew for every
 * step; its arrays grow and are reused.
 */
public final class StepBatch {
  private int[] tokens = new int[256];
  private int[] positions = new int[256];
  private final RowSpans spans = new RowSpans();
  private final PredictionRows wanted = new PredictionRows();
  private Optional<KvStore> store = Optional.empty();
  private final LatentBatch latent = new LatentBatch();
  private final BlockBatch blocks = new BlockBatch();

  public void clear() {
    latent.clear();
    blocks.clear();
    store = Optional.empty();
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
    int start = laidOut(spans.add(length));
    for (int i = 0; i < length; i++) {
      positions[start + i] = i;
    }
    return start;
  }

  /**
   * Appends rows of a sequence whose keys and values are kept in {@code pages}: those of the rows
   * are stored there, and attention sees those of positions 0 to {@code context} − 1, as far as the
   * mask lets it. The caller fills the tokens.
   *
   * @param at the rows' positions, ascending; the first {@code rows} are read
   * @param context at most the pages' positions
   * @return the first row
   * @throws IllegalArgumentException if the positions do not ascend from 0 to below {@code
   *     context}, the pages have fewer than that, or another sequence's pages are of another pool
   */
  public int addSequence(KvPages pages, int[] at, int rows, int context) {
    if (context > pages.length()) {
      throw new IllegalArgumentException(
          "%d positions are not in a sequence of %d".formatted(context, pages.length()));
    }
    int last = -1;
    for (int i = 0; i < rows; i++) {
      if (at[i] <= last || at[i] >= context) {
        throw new IllegalArgumentException(
            "positions must ascend from 0 and be below %d; found %d after %d"
                .formatted(context, at[i], last));
      }
      last = at[i];
    }
    if (store.isPresent() && store.get() != pages.store()) {
      throw new IllegalArgumentException("the pages of one batch must come from one pool");
    }
    int start = laidOut(spans.add(rows, context, pages.table()));
    System.arraycopy(at, 0, positions, start, rows);
    store = Optional.of(pages.store());
    return start;
  }

  /** Makes room for the sequence added last. */
  private int laidOut(int start) {
    int rows = spans.rows();
    if (rows > tokens.length) {
      int capacity = Math.max(rows, tokens.length * 2);
      tokens = Arrays.copyOf(tokens, capacity);
      positions = Arrays.copyOf(positions, capacity);
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

  /** Where the keys and values of cached sequences lie; nowhere if there are none. */
  public Optional<KvStore> store() {
    return store;
  }

  /** What is asked of a hybrid latent model in the same step. */
  public LatentBatch latent() {
    return latent;
  }

  /** What a device is to write by itself, of those rows. */
  public BlockBatch blocks() {
    return blocks;
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
