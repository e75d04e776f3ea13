/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Softmax attention with an online softmax over tiles of keys (Milakov and Gimelshein, 2018; Dao et
 * al., FlashAttention, 2022), so that memory never grows with the square of the length. A task is a
 * tile of queries of one head of one sequence. Every query walks the keys in the same tiles from
 * the sequence's start, so its bits do not depend on the batch, nor on whether the keys are rows of
 * it or lie in pages.
 */
final class Attention implements ThreadTeam.Job {
  private static final int QUERIES = 128;
  private static final int KEYS = 128;

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final Scratch[] scratch;

  private MemorySegment fused;
  private HeadShape shape;
  private RowSpans spans;
  // Null unless the batch has paged sequences.
  private int[] positions;
  private CpuKvStore store;
  private int layer;
  private AttentionMask mask;
  private MemorySegment out;
  private DType outType;
  private int[] firstTile = new int[8];

  /** What one worker needs; sized for the widest head seen. */
  private static final class Scratch {
    private float[] queries = new float[0];
    private float[] outputs = new float[0];
    private float[] keys = new float[0];
    private float[] values = new float[0];
    private float[] line = new float[0];
    private final float[] scores = new float[4 * KEYS];
    private final float[] max = new float[QUERIES];
    private final float[] sums;

    Scratch(int lanes) {
      sums = new float[QUERIES * lanes];
    }

    void reserve(int headDim, int paddedDim) {
      if (outputs.length < QUERIES * paddedDim || queries.length < QUERIES * headDim) {
        queries = new float[QUERIES * headDim];
        outputs = new float[QUERIES * paddedDim];
        keys = new float[KEYS * headDim];
        values = new float[KEYS * paddedDim];
        line = new float[headDim];
      }
    }
  }

  Attention(ThreadTeam team, RowKernels kernels) {
    this.team = team;
    this.kernels = kernels;
    if (KEYS % kernels.panelWidth() != 0 || KEYS % KvStore.PAGE_TOKENS != 0) {
      throw new IllegalStateException(
          "panels of %d columns and pages of %d do not fill tiles of %d keys"
              .formatted(kernels.panelWidth(), KvStore.PAGE_TOKENS, KEYS));
    }
    scratch = new Scratch[team.size()];
    Arrays.setAll(scratch, i -> new Scratch(kernels.lanes()));
  }

  void attend(
      MemorySegment fused,
      HeadShape shape,
      RowSpans spans,
      AttentionMask mask,
      MemorySegment out,
      DType outType) {
    attend(fused, shape, spans, null, mask, null, 0, out, outType);
  }

  /** Stores what paged sequences bring, then attends; neither null unless no sequence is paged. */
  void attend(
      MemorySegment fused,
      HeadShape shape,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      CpuKvStore store,
      int layer,
      MemorySegment out,
      DType outType) {
    if (store != null) {
      store.store(fused, spans, positions, layer);
    }
    this.fused = fused;
    this.shape = shape;
    this.spans = spans;
    this.positions = positions;
    this.store = store;
    this.layer = layer;
    this.mask = mask;
    this.out = out;
    this.outType = outType;
    int sequences = spans.sequences();
    if (firstTile.length <= sequences) {
      firstTile = new int[2 * sequences + 1];
    }
    int tiles = 0;
    for (int s = 0; s < sequences; s++) {
      firstTile[s] = tiles;
      tiles += (spans.length(s) + QUERIES - 1) / QUERIES;
    }
    firstTile[sequences] = tiles;
    team.run(this, Math.multiplyExact(tiles, shape.heads()));
  }

  @Override
  public void run(int task, int worker) {
    int head = task % shape.heads();
    int tile = task / shape.heads();
    int s = Arrays.binarySearch(firstTile, 0, spans.sequences() + 1, tile);
    // each sequence has at least one tile, so starts are distinct
    s = s >= 0 ? s : -s - 2;
    attend(s, head, (tile - firstTile[s]) * QUERIES, scratch[worker]);
  }

  /** Queries {@code first .. first + QUERIES - 1} of sequence {@code s}, as far as they go. */
  private void attend(int s, int head, int first, Scratch w) {
    int d = shape.headDim();
    int panel = kernels.panelWidth();
    int padded = (d + panel - 1) / panel * panel;
    w.reserve(d, padded);
    int length = spans.context(s);
    int queries = Math.min(QUERIES, spans.length(s) - first);
    long rowBytes = 4L * shape.fusedWidth();
    long start = spans.start(s) * rowBytes;
    float scale = (float) (1 / Math.sqrt(d));
    long queryAt = start + first * rowBytes + 4L * head * d;
    for (int q = 0; q < queries; q++) {
      kernels.loadScaled(fused, queryAt + q * rowBytes, d, scale, w.queries, q * d);
    }
    Arrays.fill(w.max, Float.NEGATIVE_INFINITY);
    Arrays.fill(w.sums, 0f);
    Arrays.fill(w.outputs, 0, queries * padded, 0f);

    int kvHead = head / (shape.heads() / shape.kvHeads());
    long keyAt = start + 4L * (shape.queryWidth() + kvHead * d);
    long valueAt = keyAt + 4L * shape.keyWidth();
    int visible = visible(position(s, first + queries - 1), length);
    for (int k = 0; k < visible; k += KEYS) {
      int keys = Math.min(KEYS, length - k);
      if (spans.paged(s)) {
        loadPages(spans.pages(s), kvHead, k, keys, d, panel, w);
      } else {
        loadKeys(fused, keyAt + k * rowBytes, rowBytes, 0, keys, d, panel, w);
        loadValues(fused, valueAt + k * rowBytes, rowBytes, 0, keys, d, panel, w);
      }
      for (int q = 0; q < queries; q += 4) {
        int rows = Math.min(4, queries - q);
        if (visible(position(s, first + q + rows - 1), length) > k) {
          tile(s, q, rows, first, k, keys, length, d, padded, panel, w);
        }
      }
    }
    long outAt = (long) (spans.start(s) + first) * shape.queryWidth() + (long) head * d;
    for (int q = 0; q < queries; q++) {
      long at = (outAt + (long) q * shape.queryWidth()) * outType.blockBytes();
      kernels.storeScaled(w.outputs, q * padded, d, 1 / sum(w.sums, q), out, at, outType);
    }
  }

  private float sum(float[] sums, int q) {
    int lanes = kernels.lanes();
    float sum = 0;
    for (int i = q * lanes; i < (q + 1) * lanes; i++) {
      sum += sums[i];
    }
    return sum;
  }

  /** Where row {@code i} of sequence {@code s} stands in it. */
  private int position(int s, int i) {
    return spans.paged(s) ? positions[spans.start(s) + i] : i;
  }

  /** Keys that the query at {@code position} sees. */
  private int visible(int position, int length) {
    int block = mask.blockLength();
    return block == 0 ? length : (int) Math.min(length, (position / block + 1L) * block);
  }

  /** Keys and values of positions {@code k .. k + keys - 1} from the pages they lie in. */
  private void loadPages(int[] pages, int kvHead, int k, int keys, int d, int panel, Scratch w) {
    long rowBytes = store.rowBytes();
    for (int j = 0; j < keys; j += KvStore.PAGE_TOKENS) {
      int n = Math.min(KvStore.PAGE_TOKENS, keys - j);
      int page = pages[(k + j) / KvStore.PAGE_TOKENS];
      MemorySegment slab = store.slab(page);
      long at = store.offset(page, layer) + 4L * kvHead * d;
      loadKeys(slab, at, rowBytes, j, j + n, d, panel, w);
      loadValues(slab, at + 4L * shape.keyWidth(), rowBytes, j, j + n, d, panel, w);
    }
  }

  /**
   * Keys turned: {@code [panel][d][column]}; keys {@code begin .. end - 1} of the tile start at
   * {@code at}. Columns beyond the last key keep what they held.
   */
  private void loadKeys(
      MemorySegment from, long at, long rowBytes, int begin, int end, int d, int panel, Scratch w) {
    for (int j = begin; j < end; j++) {
      kernels.loadScaled(from, at + (j - begin) * rowBytes, d, 1, w.line, 0);
      int column = j / panel * d * panel + j % panel;
      for (int i = 0; i < d; i++) {
        w.keys[column + i * panel] = w.line[i];
      }
    }
  }

  /** Values {@code [panel of columns][key][column]}, columns padded with what they held. */
  private void loadValues(
      MemorySegment from, long at, long rowBytes, int begin, int end, int d, int panel, Scratch w) {
    for (int column = 0; column < d; column += panel) {
      int n = Math.min(panel, d - column);
      for (int j = begin; j < end; j++) {
        kernels.loadScaled(
            from,
            at + (j - begin) * rowBytes + 4L * column,
            n,
            1,
            w.values,
            column * KEYS + j * panel);
      }
    }
  }

  private void tile(
      int s,
      int q,
      int rows,
      int first,
      int k,
      int keys,
      int length,
      int d,
      int padded,
      int panel,
      Scratch w) {
    for (int j = 0; j < keys; j += panel) {
      kernels.multiply(w.queries, q * d, d, rows, w.keys, j * d, d, w.scores, j, KEYS, false);
    }
    int paddedKeys = (keys + panel - 1) / panel * panel;
    for (int r = 0; r < rows; r++) {
      int seen = Math.clamp(visible(position(s, first + q + r), length) - k, 0, keys);
      if (seen < paddedKeys) {
        Arrays.fill(w.scores, r * KEYS + seen, r * KEYS + paddedKeys, Float.NEGATIVE_INFINITY);
      }
      float factor = kernels.softmaxTile(w.scores, r * KEYS, paddedKeys, w.max, q + r, w.sums);
      if (factor != 1) {
        kernels.scale(w.outputs, (q + r) * padded, padded, factor);
      }
    }
    for (int column = 0; column < padded; column += panel) {
      kernels.multiply(
          w.scores,
          0,
          KEYS,
          rows,
          w.values,
          column * KEYS,
          keys,
          w.outputs,
          q * padded + column,
          padded,
          true);
    }
  }
}
