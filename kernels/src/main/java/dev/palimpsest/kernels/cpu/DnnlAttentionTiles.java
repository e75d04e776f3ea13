/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Tiles in bf16 by oneDNN, with sums in f32 and a softmax in f32 by the row kernels in between.
 * Rows are padded to multiples of 16 and keys to whole blocks; oneDNN 3.13 gives a row the same
 * bits in products of any such size, and what a probability of 0 multiplies adds nothing.
 */
final class DnnlAttentionTiles implements AttentionTiles {
  private static final int STEP = 16;

  private final DnnlEngine engine;
  private final RowKernels kernels;
  private final NativeMemory memory;
  private final Scratch[] scratch;
  private final Map<Integer, Products> byHeadDim = new HashMap<>();
  private KvLayout layout = KvLayout.bfloat16(1);
  private Products products;
  private float scale;

  /** Products of heads of one size, made when first needed. */
  private final class Products {
    private final KvLayout layout;
    private final MemorySegment[] keyLayouts = new MemorySegment[BLOCKS + 1];
    private final MemorySegment[] valueLayouts = new MemorySegment[BLOCKS + 1];

    /** {@code [rows / 16][blocks]} */
    private final DnnlEngine.Primitive[][] scores =
        new DnnlEngine.Primitive[ROWS / STEP + 1][BLOCKS + 1];

    private final DnnlEngine.Primitive[][] values =
        new DnnlEngine.Primitive[ROWS / STEP + 1][BLOCKS + 1];

    Products(KvLayout layout) {
      this.layout = layout;
    }

    void prepare(int rows, int blocks) {
      int i = rows / STEP;
      if (scores[i][blocks] != null) {
        return;
      }
      int d = layout.headDim();
      int n = blocks * KvLayout.BLOCK;
      if (keyLayouts[blocks] == null) {
        keyLayouts[blocks] = engine.interleaved(d, n, KvLayout.BLOCK).orElseThrow();
        valueLayouts[blocks] =
            engine.interleaved(n, layout.valueWidth(), layout.valueWidth()).orElseThrow();
      }
      scores[i][blocks] =
          engine.product(rows, d, n, n, DnnlEngine.Numbers.BF16, keyLayouts[blocks], false);
      values[i][blocks] =
          engine.product(
              rows,
              n,
              layout.valueWidth(),
              layout.outputWidth(),
              DnnlEngine.Numbers.BF16,
              valueLayouts[blocks],
              false);
      for (Scratch w : scratch) {
        w.scratchpad = reserve(w.scratchpad, scores[i][blocks].scratchBytes());
        w.scratchpad = reserve(w.scratchpad, values[i][blocks].scratchBytes());
      }
    }
  }

  /** What one worker needs. */
  private static final class Scratch {
    private MemorySegment queries = MemorySegment.NULL;
    private MemorySegment scores = MemorySegment.NULL;
    private MemorySegment probabilities = MemorySegment.NULL;
    private MemorySegment keys = MemorySegment.NULL;
    private MemorySegment values = MemorySegment.NULL;
    private MemorySegment scratchpad = MemorySegment.NULL;
  }

  private DnnlAttentionTiles(
      int workers, DnnlEngine engine, RowKernels kernels, NativeMemory memory) {
    this.engine = engine;
    this.kernels = kernels;
    this.memory = memory;
    scratch = new Scratch[workers];
    Arrays.setAll(scratch, i -> new Scratch());
    products = new Products(layout);
  }

  /** Nothing if this oneDNN does not know the layout that keys and values are stored in. */
  static Optional<AttentionTiles> find(
      int workers, DnnlEngine engine, RowKernels kernels, NativeMemory memory) {
    for (int width = 16; width <= 64; width += 16) {
      if (engine.interleaved(KvLayout.BLOCK, width, width).isEmpty()) {
        return Optional.empty();
      }
    }
    return Optional.of(new DnnlAttentionTiles(workers, engine, kernels, memory));
  }

  @Override
  public KvLayout layout(int headDim) {
    if (layout.headDim() != headDim) {
      layout = KvLayout.bfloat16(headDim);
    }
    return layout;
  }

  @Override
  public void prepare(HeadShape shape, RowSpans spans, AttentionMask mask) {
    engine.prepare(0);
    KvLayout l = layout(shape.headDim());
    if (!products.layout.equals(l)) {
      products = byHeadDim.computeIfAbsent(l.headDim(), d -> new Products(l));
    }
    scale = (float) (1 / Math.sqrt(l.headDim()));
    for (Scratch w : scratch) {
      w.queries = reserve(w.queries, 2L * ROWS * l.headDim());
      w.scores = reserve(w.scores, 4L * ROWS * KEYS);
      w.probabilities = reserve(w.probabilities, 2L * ROWS * KEYS);
      w.keys = reserve(w.keys, (long) BLOCKS * l.keyBytes());
      w.values = reserve(w.values, (long) BLOCKS * l.valueParts() * l.valueBytes());
    }
    for (int s = 0; s < spans.sequences(); s++) {
      int rows = spans.length(s) * (shape.heads() / shape.kvHeads());
      int size = Attention.tileRows(rows);
      int last = KvLayout.roundUp(rows - (Attention.tilesOf(rows) - 1) * size, STEP);
      prepare(size, last, spans.context(s), mask);
    }
  }

  private void prepare(int rows, int lastRows, int context, AttentionMask mask) {
    int blocks = (context + KvLayout.BLOCK - 1) / KvLayout.BLOCK;
    for (int n = 1; n <= Math.min(blocks, BLOCKS); n++) {
      boolean ends = mask.blockLength() > 0 || n == (blocks - 1) % BLOCKS + 1;
      if (n == BLOCKS || ends) {
        products.prepare(rows, n);
        products.prepare(lastRows, n);
      }
    }
  }

  /** A block at least this large. */
  private MemorySegment reserve(MemorySegment block, long bytes) {
    if (block.byteSize() >= bytes && block.byteSize() > 0) {
      return block;
    }
    MemorySegment larger = memory.allocate(bytes);
    memory.free(block);
    return larger;
  }

  @Override
  public void query(int worker, int row, MemorySegment fused, long at) {
    int d = layout.headDim();
    kernels.narrow(fused, at, scratch[worker].queries, 2L * row * d, d);
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
    engine.prepare(worker);
    Scratch w = scratch[worker];
    int step = (rows + STEP - 1) / STEP;
    int blocks = (seen[rows - 1] + KvLayout.BLOCK - 1) / KvLayout.BLOCK;
    int n = blocks * KvLayout.BLOCK;
    int first = tile * BLOCKS;
    KvBlocks from = keys.blocks(s, first);
    int layer = keys.layer(s);
    int index = keys.index(s, first);
    boolean one = together(keys, s, first, blocks);
    if (!one) {
      gather(w, keys, s, head, first, blocks);
    }
    long scratchpad = w.scratchpad.address();
    long keysAt = one ? from.memory().address() + from.keys(layer, head, index) : w.keys.address();
    products.scores[step][blocks].execute(
        worker, w.queries.address(), keysAt, w.scores.address(), scratchpad);
    kernels.softmax(w.scores, seen, rows, n, scale, w.probabilities, max, sum);
    for (int part = 0; part < layout.valueParts(); part++) {
      long valuesAt =
          one
              ? from.memory().address() + from.values(layer, head, part, index)
              : w.values.address() + (long) part * blocks * layout.valueBytes();
      products.values[step][blocks].execute(
          worker,
          w.probabilities.address(),
          valuesAt,
          out.address() + outAt + 4L * part * layout.valueWidth(),
          scratchpad);
    }
  }

  /** Whether the blocks lie side by side, as those of a batch's own rows always do. */
  private static boolean together(BatchKeys keys, int s, int first, int blocks) {
    KvBlocks from = keys.blocks(s, first);
    int index = keys.index(s, first);
    for (int b = 1; b < blocks; b++) {
      if (keys.blocks(s, first + b) != from || keys.index(s, first + b) != index + b) {
        return false;
      }
    }
    return true;
  }

  /** Copies blocks from here and there side by side. */
  private void gather(Scratch w, BatchKeys keys, int s, int head, int first, int blocks) {
    int layer = keys.layer(s);
    for (int b = 0; b < blocks; b++) {
      KvBlocks from = keys.blocks(s, first + b);
      int index = keys.index(s, first + b);
      MemorySegment.copy(
          from.memory(),
          from.keys(layer, head, index),
          w.keys,
          (long) b * layout.keyBytes(),
          layout.keyBytes());
      for (int part = 0; part < layout.valueParts(); part++) {
        MemorySegment.copy(
            from.memory(),
            from.values(layer, head, part, index),
            w.values,
            ((long) part * blocks + b) * layout.valueBytes(),
            layout.valueBytes());
      }
    }
  }
}
