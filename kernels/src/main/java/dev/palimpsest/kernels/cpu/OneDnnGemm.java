/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.bindings.OneDnnLibrary;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Matrix products by oneDNN. Every primitive runs single-threaded on one tile of columns and a
 * chunk of rows, into a block that stays in the cache until it is stored, added or gated; the team
 * spreads tiles and chunks.
 *
 * <p>Primitives are for 128, 112, … 16 rows, and rows of bf16 for whole vectors of the matrix unit:
 * what does not fit is copied once a product and padded. oneDNN sums a row alike in all of these (a
 * single row it would not: its kernel for vectors blocks the sum differently; nor would it in
 * 16-row and 128-row products of, say, 300 inputs), so that results do not depend on the batch.
 */
final class OneDnnGemm implements Gemm {
  /** Inputs of bf16 products are padded to a multiple of this. */
  private static final int DEPTH_STEP = 32;

  /** Weight rows of a tile at most. */
  private static final int WIDEST = 256;

  /** Bytes of a tile of more than 128 weight rows at most: half an L2 cache. */
  private static final long DEEPEST = 1 << 20;

  private final ThreadTeam team;
  private final NativeMemory memory;
  private final DType computeType;
  private final DnnlEngine.Numbers numbers;
  private final DnnlEngine engine;
  private final RowKernels rowKernels;
  private final Map<Tile, Products> tiles = new HashMap<>();
  private final MemorySegment[] scratchpad;
  private final MemorySegment[] blocks;
  private final ThreadTeam.Job copying = this::copy;
  private final ThreadTeam.Job multiplying = this::multiply;
  private final RowCut cut = new RowCut();
  private MemorySegment copies;

  private MemorySegment x;

  /** Rows from here on are read from {@link #copies}. */
  private int firstCopied;

  private Linear weights;
  private Mode mode;
  private MemorySegment bias;
  private MemorySegment out;

  /** A tile of weights. */
  private record Tile(int depth, int columns) {}

  /** How a tile is packed, and its products by sixteenths of their rows. */
  private final class Products {
    private final Tile tile;
    private final MemorySegment layout;
    private final long bytes;
    private final DnnlEngine.Primitive reorder;
    private final DnnlEngine.Primitive[] bySteps =
        new DnnlEngine.Primitive[RowCut.MOST / RowCut.STEP + 1];

    Products(Tile tile) {
      this.tile = tile;
      layout = engine.weightsLayout(RowCut.MOST, tile.depth, tile.columns, numbers);
      bytes = DnnlEngine.bytes(layout);
      reorder = engine.reorder(tile.depth, tile.columns, numbers, layout);
      reserve(scratchpad, reorder.scratchBytes());
    }

    void prepare(int rows) {
      int i = rows / RowCut.STEP;
      if (bySteps[i] == null) {
        bySteps[i] =
            engine.product(rows, tile.depth, tile.columns, tile.columns, numbers, layout, false);
        reserve(scratchpad, bySteps[i].scratchBytes());
      }
    }
  }

  /** Packed weights, with the products of whole tiles and of the last one. */
  private static final class Linear extends CpuLinear {
    private final int depth;
    private final long tileBytes;
    private final Products whole;
    private final Products last;

    Linear(
        Gemm owner,
        int in,
        int out,
        boolean gated,
        int tileWidth,
        MemorySegment memory,
        int depth,
        long tileBytes,
        Products whole,
        Products last) {
      super(owner, in, out, gated, tileWidth, memory);
      this.depth = depth;
      this.tileBytes = tileBytes;
      this.whole = whole;
      this.last = last;
    }

    Products products(int t) {
      return t == tiles() - 1 ? last : whole;
    }
  }

  OneDnnGemm(
      OneDnnLibrary library,
      ThreadTeam team,
      RowKernels rowKernels,
      DType computeType,
      NativeMemory memory) {
    this.team = team;
    this.rowKernels = rowKernels;
    this.computeType = computeType;
    numbers = DnnlEngine.Numbers.of(computeType);
    this.memory = memory;
    engine = new DnnlEngine(library, team.size());
    scratchpad = blocks(NativeMemory.ALIGNMENT);
    blocks = blocks(4L * RowCut.MOST * WIDEST);
    copies = memory.allocate(NativeMemory.ALIGNMENT);
  }

  private MemorySegment[] blocks(long bytes) {
    MemorySegment[] blocks = new MemorySegment[team.size()];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = memory.allocate(bytes);
    }
    return blocks;
  }

  /** Makes every worker's block at least this large. */
  private void reserve(MemorySegment[] blocks, long bytes) {
    for (int i = 0; i < blocks.length; i++) {
      if (blocks[i].byteSize() < bytes) {
        memory.free(blocks[i]);
        blocks[i] =
            MemorySegment.NULL; // an allocation that fails must not leave a freed one in use
        blocks[i] = memory.allocate(bytes);
      }
    }
  }

  @Override
  public String describe() {
    return (computeType == DType.BF16 ? "bf16 by " : "f32 by ") + engine.describe();
  }

  @Override
  public Optional<DnnlEngine> engine() {
    return Optional.of(engine);
  }

  @Override
  public DType computeType() {
    return computeType;
  }

  // ---- weights ----

  /**
   * Weight rows of a tile, by the weights' shape alone. Wide tiles read their inputs less often;
   * narrow ones leave enough tasks for all threads, and deep ones should fit the L2 cache.
   */
  private int tileWidth(int in, int out, boolean gated) {
    int rows = gated ? 2 * out : out;
    int width = rows <= 512 ? 64 : rows <= 1024 ? 128 : WIDEST;
    while (width > 128 && (long) width * in * computeType.blockBytes() > DEEPEST) {
      width /= 2;
    }
    return gated ? Math.max(width, 128) / 2 : width;
  }

  private int depth(int in) {
    return computeType == DType.BF16 ? (in + DEPTH_STEP - 1) & -DEPTH_STEP : in;
  }

  private Products products(int depth, int columns) {
    return tiles.computeIfAbsent(new Tile(depth, columns), Products::new);
  }

  @Override
  public CpuLinear pack(List<WeightView> parts, boolean gated) {
    engine.prepare(0);
    int in = parts.getFirst().dimension(1);
    int out = gated ? parts.getFirst().dimension(0) : 0;
    for (int i = 0; !gated && i < parts.size(); i++) {
      out += parts.get(i).dimension(0);
    }
    int depth = depth(in);
    int tileWidth = tileWidth(in, out, gated);
    int factor = gated ? 2 : 1;
    int tiles = (out + tileWidth - 1) / tileWidth;
    Products last = products(depth, factor * (out - (tiles - 1) * tileWidth));
    Products whole = tiles == 1 ? last : products(depth, factor * tileWidth);
    long tileBytes = tiles == 1 ? 0 : aligned(whole.bytes);
    MemorySegment packed = memory.allocate((tiles - 1) * tileBytes + last.bytes);
    Linear map = new Linear(this, in, out, gated, tileWidth, packed, depth, tileBytes, whole, last);

    MemorySegment[] raw = blocks((long) factor * tileWidth * depth * computeType.blockBytes());
    MemorySegment[] floats = new MemorySegment[team.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = MemorySegment.ofArray(new float[in]);
    }
    try {
      CpuLinear.Source source = new CpuLinear.Source(parts, gated, tileWidth);
      team.run((t, worker) -> pack(map, source, t, worker, raw[worker], floats[worker]), tiles);
    } finally {
      for (MemorySegment block : raw) {
        memory.free(block);
      }
    }
    return map;
  }

  private void pack(
      Linear map,
      CpuLinear.Source source,
      int t,
      int worker,
      MemorySegment raw,
      MemorySegment floats) {
    engine.prepare(worker);
    int in = map.in;
    source.read(
        map,
        t,
        (r, view, viewRow) -> {
          // what is left of a row behind its inputs is zero since the block was allocated
          long at = (long) r * map.depth * computeType.blockBytes();
          if (computeType == DType.BF16) {
            Dequantizer.readBfloat16(view, (long) viewRow * in, in, raw, at, floats);
          } else {
            Dequantizer.read(view, (long) viewRow * in, in, raw, at);
          }
        });
    map.products(t)
        .reorder
        .execute(
            worker,
            raw.address(),
            map.memory.address() + t * map.tileBytes,
            scratchpad[worker].address());
  }

  private static long aligned(long bytes) {
    return (bytes + NativeMemory.ALIGNMENT - 1) & -NativeMemory.ALIGNMENT;
  }

  // ---- products ----

  @Override
  public void multiply(
      MemorySegment x,
      int rows,
      CpuLinear weights,
      Mode mode,
      MemorySegment bias,
      MemorySegment out) {
    if (rows == 0) {
      return;
    }
    engine.prepare(0);
    this.x = x;
    this.weights = (Linear) weights;
    this.mode = mode;
    this.bias = bias;
    this.out = out;
    cut.set(rows, weights.tiles(), team.size());
    copy();
    for (Products p : List.of(this.weights.whole, this.weights.last)) {
      p.prepare(cut.chunkRows());
      p.prepare(RowCut.padded(rows - cut.lastStart()));
    }
    team.run(multiplying, weights.tiles() * cut.runs());
  }

  /** Copies and pads rows that no primitive takes as they are: all of them, or the last chunk's. */
  private void copy() {
    int rows = cut.rows();
    firstCopied = rows;
    if (weights.depth > weights.in) {
      firstCopied = 0;
    } else if (rows % RowCut.STEP != 0) {
      firstCopied = cut.lastStart();
    }
    if (firstCopied == rows) {
      return;
    }
    int padded = RowCut.padded(rows - firstCopied);
    long bytes = (long) padded * weights.depth * computeType.blockBytes();
    if (copies.byteSize() < bytes) {
      memory.free(copies);
      copies = MemorySegment.NULL;
      copies = memory.allocate(bytes);
    }
    team.run(copying, padded / RowCut.STEP);
  }

  private void copy(int task, int worker) {
    long from = (long) weights.in * computeType.blockBytes();
    long to = (long) weights.depth * computeType.blockBytes();
    int first = firstCopied + task * RowCut.STEP;
    int end = Math.min(cut.rows(), first + RowCut.STEP);
    for (int r = first; r < end; r++) {
      long at = (r - firstCopied) * to;
      MemorySegment.copy(x, r * from, copies, at, from);
      if (to > from) {
        copies.asSlice(at + from, to - from).fill((byte) 0);
      }
    }
  }

  private void multiply(int task, int worker) {
    engine.prepare(worker);
    int t = task / cut.runs();
    int run = task % cut.runs();
    int end = Math.min(cut.rows(), cut.start(run + 1));
    Products p = weights.products(t);
    long packed = weights.memory.address() + t * weights.tileBytes;
    long rowBytes = (long) weights.depth * computeType.blockBytes();
    for (int first = cut.start(run); first < end; first += cut.chunkRows()) {
      int n = Math.min(cut.chunkRows(), end - first);
      long from =
          first < firstCopied
              ? x.address() + first * rowBytes
              : copies.address() + (first - firstCopied) * rowBytes;
      p.bySteps[RowCut.padded(n) / RowCut.STEP].execute(
          worker, from, packed, blocks[worker].address(), scratchpad[worker].address());
      finish(t, first, n, blocks[worker]);
    }
  }

  /** What becomes of a tile's sums. */
  private void finish(int t, int first, int n, MemorySegment block) {
    int width = weights.width(t);
    long column = (long) t * weights.tileWidth;
    if (mode == Mode.GATED) {
      int bytes = computeType.blockBytes();
      long stride = (long) weights.out * bytes;
      rowKernels.gatedSilu(
          block, n, width, out, first * stride + column * bytes, stride, computeType);
      return;
    }
    for (int r = 0; r < n; r++) {
      long at = 4 * ((long) (first + r) * weights.out + column);
      if (mode == Mode.ADD) {
        rowKernels.add(out, at, block, 4L * r * width, width);
      } else {
        MemorySegment.copy(block, 4L * r * width, out, at, 4L * width);
        if (bias.address() != 0) {
          rowKernels.add(out, at, bias, 4 * column, width);
        }
      }
    }
  }

  @Override
  public void close() {
    engine.close();
  }
}
