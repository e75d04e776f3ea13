/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/**
 * How the rows of a product are cut. A chunk is what one call multiplies with a tile of weights; a
 * task takes a tile through several chunks, so that the tile is fetched once, as long as there are
 * tasks enough for all threads.
 */
final class RowCut {
  /** Rows of a call are multiples of this. */
  static final int STEP = 16;

  /** Most rows of a call: its inputs, its sums and a tile of weights share the L2 cache. */
  static final int MOST = 128;

  /** Most chunks of a task: inputs that still lie in the L2 cache when the next tile is taken. */
  private static final int MOST_CHUNKS = 4;

  private int rows;
  private int chunkRows;
  private int chunks;
  private int taskChunks;

  /** Cuts {@code rows} rows, at least one, that meet {@code tiles} tiles of weights. */
  void set(int rows, int tiles, int threads) {
    this.rows = rows;
    chunks = (rows + MOST - 1) / MOST;
    chunkRows = padded((rows + chunks - 1) / chunks);
    chunks = (rows + chunkRows - 1) / chunkRows;
    long most = (long) tiles * chunks / (2L * threads);
    taskChunks = Math.clamp(most, 1, Math.min(chunks, MOST_CHUNKS));
  }

  /** Rows rounded up to whole steps. */
  static int padded(int rows) {
    return (rows + STEP - 1) & -STEP;
  }

  /** Runs of chunks: tasks for each tile. */
  int runs() {
    return (chunks + taskChunks - 1) / taskChunks;
  }

  /** First row of run {@code i}; that of run {@link #runs()} is the number of rows, or more. */
  int start(int i) {
    return i * taskChunks * chunkRows;
  }

  /** Rows of every chunk but perhaps the last. */
  int chunkRows() {
    return chunkRows;
  }

  /** First row of the last chunk. */
  int lastStart() {
    return (chunks - 1) * chunkRows;
  }

  int rows() {
    return rows;
  }
}
