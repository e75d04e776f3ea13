/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.MaskedBlock;

/**
 * Launches of {@code commit.cu}: a step of masked diffusion for many canvases, by the commit rules
 * of the runtime, without the host. Predictions are those that {@link Head} and {@link Sample}
 * leave in device memory; tokens change in place.
 */
final class Commit {
  /** What becomes of committed tokens. */
  enum Correction {
    KEEP,
    EDIT,
    REMASK
  }

  /** Ints of {@code Canvas}. */
  static final int CANVAS_INTS = 18;

  /** Ints of {@code Progress}, and its fields. */
  static final int PROGRESS_INTS = 8;

  static final int STEP = 0;
  static final int BLOCK_STEP = 1;
  static final int SCHEDULED = 2;
  static final int BUDGET = 4;

  static final int MASKED = 5;
  static final int DONE = 6;
  static final int BROKEN = 7;

  /** Most entries of one canvas: their scores and flags lie in shared memory. */
  static final int MOST_ENTRIES = 8000;

  private static final int THREADS = 256;

  /** {@code CommitShared} before the scores. */
  private static final int SHARED = Sample.SHARED + 8 * (8 + 4 + 4);

  private static final int ENTRY_SHARED = 12;

  private final Kernel commit;

  Commit(Modules modules) {
    commit =
        modules.kernel(
            "commit",
            "commit",
            THREADS,
            SHARED + ENTRY_SHARED * MOST_ENTRIES,
            "canvases*",
            "progresses*",
            "found*",
            "positions*",
            "tokens*",
            "actions*",
            "wanted*");
  }

  /**
   * How a canvas is decoded, and where it lies.
   *
   * @param seed of the request's noise
   * @param bound of the rule; the higher one of the hierarchical rule
   * @param low the lower one
   * @param correctionBound probability to edit above, or to remask below
   * @param firstEntry its first one among the predictions; its entries ascend by position
   * @param blockEntry entries, counted from the first, that are masks left over from blocks before
   * @param firstToken where its position 0 is, or would be, among the tokens
   * @param blockSteps steps of the block in all
   */
  record Canvas(
      long seed,
      MaskedBlock.Rule rule,
      double bound,
      double low,
      MaskedBlock.Schedule schedule,
      int tokensPerStep,
      Correction correction,
      double correctionBound,
      int maskToken,
      int firstEntry,
      int entries,
      int blockEntry,
      int firstToken,
      int blockSteps) {
    Canvas {
      if (entries < 1 || entries > MOST_ENTRIES || blockEntry < 0 || blockEntry > entries) {
        throw new IllegalArgumentException(
            "commit: a canvas has between 1 and %d positions to write in a block; found %d (%d from earlier blocks): take shorter blocks"
                .formatted(MOST_ENTRIES, entries, blockEntry));
      }
    }

    void write(int[] out, int at) {
      write(out, at, seed);
      write(out, at + 2, Double.doubleToRawLongBits(bound));
      write(out, at + 4, Double.doubleToRawLongBits(low));
      write(out, at + 6, Double.doubleToRawLongBits(correctionBound));
      out[at + 8] = rule.ordinal();
      out[at + 9] = schedule.ordinal();
      out[at + 10] = tokensPerStep;
      out[at + 11] = correction.ordinal();
      out[at + 12] = maskToken;
      out[at + 13] = firstEntry;
      out[at + 14] = entries;
      out[at + 15] = blockEntry;
      out[at + 16] = firstToken;
      out[at + 17] = blockSteps;
    }

    private static void write(int[] out, int at, long value) {
      out[at] = (int) value;
      out[at + 1] = (int) (value >>> 32);
    }
  }

  /**
   * Takes a step with each of the first {@code count} canvases whose block is not over.
   *
   * @param mostEntries of any of them
   * @param positions of all entries, within their canvases
   * @param actions receives what became of each entry: 0 nothing, 1 committed, 2 replaced, 3
   *     remasked
   * @param wanted entries whose noise is to be that of the next step, or 0 for none
   */
  void run(
      long canvases,
      int count,
      int mostEntries,
      long progresses,
      long found,
      long positions,
      long tokens,
      long actions,
      long wanted) {
    commit
        .set(0, canvases)
        .set(1, progresses)
        .set(2, found)
        .set(3, positions)
        .set(4, tokens)
        .set(5, actions)
        .set(6, wanted)
        .launch(count, 1, 1, SHARED + ENTRY_SHARED * mostEntries);
  }
}
