/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A linear map cut into tiles of output columns. The cut depends on the weights alone, never on
 * rows or threads, so that a column's sums are always formed alike.
 *
 * <p>A tile of a gated map holds {@code width} columns of the gate and then the same columns of the
 * up projection.
 */
class CpuLinear implements PackedLinear {
  final Gemm owner;
  final int in;
  final int out;
  final boolean gated;

  /** Output columns of every tile but perhaps the last. */
  final int tileWidth;

  final MemorySegment memory;

  CpuLinear(Gemm owner, int in, int out, boolean gated, int tileWidth, MemorySegment memory) {
    this.owner = owner;
    this.in = in;
    this.out = out;
    this.gated = gated;
    this.tileWidth = tileWidth;
    this.memory = memory;
  }

  int tiles() {
    return (out + tileWidth - 1) / tileWidth;
  }

  /** Output columns of tile {@code t}. */
  int width(int t) {
    return Math.min(tileWidth, out - t * tileWidth);
  }

  /** Weight rows of tile {@code t}: twice its width in a gated map. */
  int weightRows(int t) {
    return gated ? 2 * width(t) : width(t);
  }

  @Override
  public int inFeatures() {
    return in;
  }

  @Override
  public int outFeatures() {
    return out;
  }

  @Override
  public long bytes() {
    return memory.byteSize();
  }

  /** The rows of projections that are packed together, by their place in a tile. */
  record Source(List<WeightView> parts, boolean gated, int tileWidth) {
    /** Which part row {@code r} of tile {@code t} comes from, and which of its rows it is. */
    void read(CpuLinear map, int t, RowReader reader) {
      int width = map.width(t);
      for (int r = 0; r < map.weightRows(t); r++) {
        if (gated) {
          reader.row(r, parts.get(r < width ? 0 : 1), t * tileWidth + r % width);
        } else {
          int row = t * tileWidth + r;
          int part = 0;
          while (row >= parts.get(part).dimension(0)) {
            row -= parts.get(part++).dimension(0);
          }
          reader.row(r, parts.get(part), row);
        }
      }
    }
  }

  /** Receives the weight rows of a tile. */
  interface RowReader {
    void row(int r, WeightView view, int viewRow);
  }
}
