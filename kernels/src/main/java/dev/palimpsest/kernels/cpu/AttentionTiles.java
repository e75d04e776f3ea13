/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;

/**
 * Who multiplies queries with a tile of keys, and probabilities with its values. A row's results do
 * not depend on the rows beside it, nor on where the blocks of the tile lie.
 */
interface AttentionTiles {
  /** Rows at most: queries of the heads that share keys. */
  int ROWS = 128;

  /** Blocks of a tile. */
  int BLOCKS = KvStore.GROUP_PAGES;

  /** Keys of a tile, which begins at a multiple of it. */
  int KEYS = BLOCKS * KvLayout.BLOCK;

  /** How keys and values must lie. */
  KvLayout layout(int headDim);

  /** Makes what a batch needs; called by one thread before the others. */
  void prepare(HeadShape shape, RowSpans spans, AttentionMask mask);

  /**
   * Takes row {@code row} of the worker's next tiles.
   *
   * @param at where its query begins in {@code fused}
   */
  void query(int worker, int row, MemorySegment fused, long at);

  /**
   * One tile: {@code out[row] = Σ exp(score − max)·value} over the first {@code seen[row]} keys,
   * for scores divided by √headDim.
   *
   * @param keys whose keys
   * @param s sequence
   * @param head of the keys
   * @param tile of the sequence; all blocks that hold a seen key are there
   * @param seen ascending, the last at least 1 and each at most {@link #KEYS}
   * @param out f32 {@code [roundUp(rows, 16)][outputWidth]}; rows that see nothing, and those that
   *     pad, are undefined
   * @param max {@code [row]} receives the largest score; −∞ where nothing is seen
   * @param sum {@code [row]} receives Σ exp(score − max); 0 where nothing is seen
   */
  void tile(
      int worker,
      BatchKeys keys,
      int s,
      int head,
      int tile,
      int rows,
      int[] seen,
      MemorySegment out,
      long outAt,
      float[] max,
      float[] sum);
}
