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
 * chunk of rows; the team spreads them.
 *
 * <p>Rows go through primitives for 128, 112, … 16 rows; what is left of a chunk is copied to
 * scratch rows and goes through the one for 16. oneDNN sums a row alike in all of these (a single
 * row it would not: its kernel for vectors blocks the sum differently), so that results do not
 * depend on the batch.
 */
final class OneDnnGemm implements Gemm, ThreadTeam.Job {
  /** Rows of a primitive are multiples of this. */
  private static final int STEP = 16;

  /** Rows of a task: its inputs and a tile of weights share the L2 cache. */
  private static final int CHUNK = 128;

  private final ThreadTeam team;
  private final NativeMemory memory;
  private final DType computeType;
  private final DnnlEngine.Numbers numbers;
  private final DnnlEngine engine;
  private final Map<Shape, Kernels> kernels = new HashMap<>();
  private final Map<Tile, TileLayout> layouts = new HashMap<>();
  private final RowKernels rowKernels;
  private final MemorySegment[] scratchpad;
  private final MemorySegment[] tailRows;
  private final MemorySegment[] products;

  private MemorySegment x;
  private int rows;
  private Linear weights;
  private Mode mode;
  private MemorySegment bias;
  private MemorySegment out;
  private int chunks;
  private int chunkRows;

  /** A tile of weights. */
  private record Tile(int k, int n) {}

  /** How a tile is packed, and who packs it. */
  private record TileLayout(MemorySegment layout, long bytes, DnnlEngine.Primitive reorder) {}

  /** Products of one kind. */
  private record Shape(int k, int n, long outStride, boolean add) {}

  /** Primitives for {@code 16·i} rows, made when first needed. */
  private final class Kernels {
    private final Shape shape;
    private final DnnlEngine.Primitive[] bySteps = new DnnlEngine.Primitive[CHUNK / STEP + 1];

    Kernels(Shape shape) {
      this.shape = shape;
    }

    DnnlEngine.Primitive rows(int rows) {
      return bySteps[rows / STEP];
    }

    void prepare(int rows) {
      int i = rows / STEP;
      if (i > 0 && bySteps[i] == null) {
        bySteps[i] =
            engine.product(
                rows,
                shape.k,
                shape.n,
                shape.outStride,
                numbers,
                layout(shape.k, shape.n).layout,
                shape.add);
        reserve(scratchpad, bySteps[i].scratchBytes());
      }
    }
  }

  /** Packed weights with the products they take part in: of whole tiles, and of the last one. */
  private static final class Linear extends CpuLinear {
    private final long tileBytes;
    private final Map<Mode, Kernels[]> direct = new java.util.EnumMap<>(Mode.class);
    private final Map<Mode, Kernels[]> tail = new java.util.EnumMap<>(Mode.class);

    Linear(
        Gemm owner,
        int in,
        int out,
        boolean gated,
        int tileWidth,
        MemorySegment memory,
        long tileBytes) {
      super(owner, in, out, gated, tileWidth, memory);
      this.tileBytes = tileBytes;
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
    scratchpad = blocks();
    tailRows = blocks();
    products = blocks();
  }

  private MemorySegment[] blocks() {
    MemorySegment[] blocks = new MemorySegment[team.size()];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = memory.allocate(NativeMemory.ALIGNMENT);
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

  /** Wide tiles read their inputs less often; narrow ones leave enough tasks for all threads. */
  private static int tileWidth(int out, boolean gated) {
    int width = out <= 512 ? 64 : 128;
    return gated ? 64 : width;
  }

  private TileLayout layout(int k, int n) {
    return layouts.computeIfAbsent(
        new Tile(k, n),
        t -> {
          MemorySegment layout = engine.weightsLayout(CHUNK, k, n, numbers);
          DnnlEngine.Primitive reorder = engine.reorder(k, n, numbers, layout);
          reserve(scratchpad, reorder.scratchBytes());
          return new TileLayout(layout, DnnlEngine.bytes(layout), reorder);
        });
  }

  @Override
  public CpuLinear pack(List<WeightView> parts, boolean gated) {
    engine.prepare(0);
    int in = parts.getFirst().dimension(1);
    int out = gated ? parts.getFirst().dimension(0) : 0;
    for (int i = 0; !gated && i < parts.size(); i++) {
      out += parts.get(i).dimension(0);
    }
    int tileWidth = tileWidth(out, gated);
    int factor = gated ? 2 : 1;
    int tiles = (out + tileWidth - 1) / tileWidth;
    int lastWidth = out - (tiles - 1) * tileWidth;
    long tileBytes = tiles == 1 ? 0 : aligned(layout(in, factor * tileWidth).bytes);
    long bytes = (tiles - 1) * tileBytes + layout(in, factor * lastWidth).bytes;
    Linear map = new Linear(this, in, out, gated, tileWidth, memory.allocate(bytes), tileBytes);

    MemorySegment[] raw = blocks();
    reserve(raw, (long) factor * tileWidth * in * computeType.blockBytes());
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
          long at = (long) r * in * computeType.blockBytes();
          if (computeType == DType.BF16) {
            Dequantizer.readBfloat16(view, (long) viewRow * in, in, raw, at, floats);
          } else {
            Dequantizer.read(view, (long) viewRow * in, in, raw, at);
          }
        });
    layouts
        .get(new Tile(in, map.weightRows(t)))
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
    this.rows = rows;
    this.weights = (Linear) weights;
    this.mode = mode;
    this.bias = bias;
    this.out = out;
    chunks = (rows + CHUNK - 1) / CHUNK;
    chunkRows = ((rows + chunks - 1) / chunks + STEP - 1) / STEP * STEP;
    chunks = (rows + chunkRows - 1) / chunkRows;
    prepare(Math.min(rows, chunkRows));
    prepare(rows - (chunks - 1) * chunkRows);
    team.run(this, weights.tiles() * chunks);
  }

  /** Makes what a chunk of {@code n} rows needs. */
  private void prepare(int n) {
    Kernels[] direct = weights.direct.computeIfAbsent(mode, m -> kernels(false));
    Kernels[] tail = weights.tail.computeIfAbsent(mode, m -> kernels(true));
    for (int i = 0; i < 2; i++) {
      direct[i].prepare(n / STEP * STEP);
      if (n % STEP != 0) {
        tail[i].prepare(STEP);
      }
    }
    int widest = weights.weightRows(0);
    if (n % STEP != 0) {
      reserve(tailRows, (long) STEP * weights.in * computeType.blockBytes());
    }
    reserve(products, 4L * (mode == Mode.GATED ? CHUNK : STEP) * widest);
  }

  /** Products of a whole tile and of the last one; into scratch memory or where they belong. */
  private Kernels[] kernels(boolean tail) {
    Kernels[] pair = new Kernels[2];
    for (int i = 0; i < 2; i++) {
      int n = weights.weightRows(i == 0 ? 0 : weights.tiles() - 1);
      long stride = tail || mode == Mode.GATED ? n : weights.out;
      pair[i] =
          kernels.computeIfAbsent(new Shape(weights.in, n, stride, mode == Mode.ADD), Kernels::new);
    }
    return pair;
  }

  @Override
  public void run(int task, int worker) {
    engine.prepare(worker);
    int t = task / chunks;
    int first = task % chunks * chunkRows;
    int n = Math.min(chunkRows, rows - first);
    int whole = n / STEP * STEP;
    boolean last = t == weights.tiles() - 1;
    long packed = weights.memory.address() + t * weights.tileBytes;
    long scratch = scratchpad[worker].address();
    long xRow = (long) weights.in * computeType.blockBytes();
    int width = weights.width(t);
    int columns = weights.weightRows(t);
    long column = (long) t * weights.tileWidth;
    MemorySegment product = products[worker];
    if (whole > 0) {
      long to =
          mode == Mode.GATED
              ? product.address()
              : out.address() + 4 * ((long) first * weights.out + column);
      weights
          .direct
          .get(mode)[last ? 1 : 0]
          .rows(whole)
          .execute(worker, x.address() + first * xRow, packed, to, scratch);
      if (mode == Mode.GATED) {
        gate(product, first, whole, width, column);
      } else if (bias.address() != 0) {
        for (int r = first; r < first + whole; r++) {
          rowKernels.add(out, 4 * ((long) r * weights.out + column), bias, 4 * column, width);
        }
      }
    }
    int left = n - whole;
    if (left > 0) {
      int from = first + whole;
      MemorySegment.copy(x, from * xRow, tailRows[worker], 0, left * xRow);
      if (mode == Mode.ADD) {
        for (int r = 0; r < left; r++) {
          MemorySegment.copy(
              out,
              4 * ((long) (from + r) * weights.out + column),
              product,
              4L * r * columns,
              4L * width);
        }
      }
      weights
          .tail
          .get(mode)[last ? 1 : 0]
          .rows(STEP)
          .execute(worker, tailRows[worker].address(), packed, product.address(), scratch);
      if (mode == Mode.GATED) {
        gate(product, from, left, width, column);
      } else {
        for (int r = 0; r < left; r++) {
          long at = 4 * ((long) (from + r) * weights.out + column);
          MemorySegment.copy(product, 4L * r * columns, out, at, 4L * width);
          if (bias.address() != 0) {
            rowKernels.add(out, at, bias, 4 * column, width);
          }
        }
      }
    }
  }

  private void gate(MemorySegment product, int first, int n, int width, long column) {
    long outStride = (long) weights.out * computeType.blockBytes();
    long at = first * outStride + column * computeType.blockBytes();
    rowKernels.gatedSilu(product, n, width, out, at, outStride, computeType);
  }

  @Override
  public void close() {
    engine.close();
  }
}
