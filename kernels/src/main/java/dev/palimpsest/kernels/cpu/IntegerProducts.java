/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Who multiplies u8 rows with s8 weights. Sums are exact, so all of them give the same numbers.
 * Depths are multiples of {@link #DEPTH_STEP}, rows of {@link RowCut#STEP}: the caller pads weights
 * with zeros, and rows with anything.
 */
interface IntegerProducts extends AutoCloseable {
  int DEPTH_STEP = 64;

  /** oneDNN, if that is who multiplies. */
  default Optional<DnnlEngine> engine() {
    return Optional.empty();
  }

  /** For people and logs. */
  String describe();

  /** Bytes of a packed tile of {@code columns} columns. */
  long tileBytes(int depth, int columns);

  /** Packs weights, {@code columns} rows of {@code depth} bytes, into a tile. Any worker. */
  void pack(
      int worker, MemorySegment weights, int depth, int columns, MemorySegment tiles, long tileAt);

  /** Makes what products of these shapes need; called by one thread before they run. */
  void prepare(int rows, int depth, int columns);

  /**
   * {@code sums[r][c] = Σ x[r][i]·w[c][i]}, s32. Any worker.
   *
   * @param rows {@link RowCut#MOST} at most
   * @param x u8 {@code [rows][depth]} at {@code xAt}
   * @param sums {@code [rows][columns]}
   */
  void multiply(
      int worker,
      MemorySegment x,
      long xAt,
      int rows,
      int depth,
      MemorySegment tiles,
      long tileAt,
      int columns,
      MemorySegment sums);

  @Override
  void close();
}
