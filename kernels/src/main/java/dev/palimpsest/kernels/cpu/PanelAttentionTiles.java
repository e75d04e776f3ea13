/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Tiles in f32 by the row kernels: four rows at a time, a panel of keys or columns at a time. */
final class PanelAttentionTiles implements AttentionTiles {
  private static final int FOUR = 4;

  private final RowKernels kernels;
  private final int panel;
  private final Scratch[] scratch;
  private KvLayout layout;
  private float scale;

  private static final class Scratch {
    private float[] queries = new float[0];
    private float[] outputs = new float[0];
    private final float[] scores = new float[FOUR * KEYS];
  }

  PanelAttentionTiles(int workers, RowKernels kernels) {
    this.kernels = kernels;
    panel = kernels.panelWidth();
    if (KvLayout.BLOCK % panel != 0) {
      throw new IllegalStateException(
          "panels of %d columns do not fill blocks of %d keys".formatted(panel, KvLayout.BLOCK));
    }
    scratch = new Scratch[workers];
    Arrays.setAll(scratch, i -> new Scratch());
    layout = KvLayout.float32(1, panel);
  }

  @Override
  public KvLayout layout(int headDim) {
    if (layout.headDim() != headDim) {
      layout = KvLayout.float32(headDim, panel);
    }
    return layout;
  }

  @Override
  public void prepare(HeadShape shape, RowSpans spans, AttentionMask mask) {
    KvLayout l = layout(shape.headDim());
    scale = (float) (1 / Math.sqrt(l.headDim()));
    for (Scratch w : scratch) {
      if (w.queries.length < ROWS * l.headDim() || w.outputs.length < FOUR * l.valueWidth()) {
        w.queries = new float[ROWS * l.headDim()];
        w.outputs = new float[FOUR * l.valueWidth()];
      }
    }
  }

  @Override
  public void query(int worker, int row, MemorySegment fused, long at) {
    int d = layout.headDim();
    kernels.loadScaled(fused, at, d, scale, scratch[worker].queries, row * d);
  }

  @Override
  public void tile(
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
      float[] sum) {
    Scratch w = scratch[worker];
    int width = layout.valueWidth();
    for (int row = 0; row < rows; row += FOUR) {
      int n = Math.min(FOUR, rows - row);
      // Keys that none of the four sees may never have been stored.
      int most = seen[row + n - 1];
      scores(w, keys, s, head, tile, row, n, most);
      int padded = KvLayout.roundUp(most, panel);
      for (int r = 0; r < n; r++) {
        sum[row + r] = kernels.softmax(w.scores, r * KEYS, seen[row + r], padded, max, row + r);
      }
      values(w, keys, s, head, tile, n, most);
      MemorySegment.copy(w.outputs, 0, out, JAVA_FLOAT, outAt + 4L * row * width, n * width);
    }
  }

  private void scores(
      Scratch w, BatchKeys keys, int s, int head, int tile, int row, int n, int most) {
    int d = layout.headDim();
    for (int b = 0; b * KvLayout.BLOCK < most; b++) {
      int block = tile * BLOCKS + b;
      KvBlocks blocks = keys.blocks(s, block);
      long at = blocks.keys(keys.layer(s), head, keys.index(s, block));
      int end = Math.min(KvLayout.BLOCK, most - b * KvLayout.BLOCK);
      for (int j = 0; j < end; j += panel) {
        kernels.multiply(
            w.queries,
            row * d,
            d,
            n,
            blocks.memory(),
            at + 4L * j,
            KvLayout.BLOCK,
            d,
            w.scores,
            b * KvLayout.BLOCK + j,
            KEYS,
            false);
      }
    }
  }

  private void values(Scratch w, BatchKeys keys, int s, int head, int tile, int n, int most) {
    int width = layout.valueWidth();
    for (int b = 0; b * KvLayout.BLOCK < most; b++) {
      int block = tile * BLOCKS + b;
      KvBlocks blocks = keys.blocks(s, block);
      long at = blocks.values(keys.layer(s), head, 0, keys.index(s, block));
      int end = Math.min(KvLayout.BLOCK, most - b * KvLayout.BLOCK);
      for (int j = 0; j < width; j += panel) {
        kernels.multiply(
            w.scores,
            b * KvLayout.BLOCK,
            KEYS,
            n,
            blocks.memory(),
            at + 4L * j,
            width,
            end,
            w.outputs,
            j,
            width,
            b > 0);
      }
    }
  }
}
