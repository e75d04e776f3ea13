/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Matrix products of s8 weights, one scale a column, with rows rounded to u8 on the way in (scale
 * and zero point of their own, once a product). Sums are exact integers; what they mean is worked
 * out while a tile of them is in the cache: {@code rowScale · (sum − zeroPoint · columnSum) ·
 * columnScale}. Hence a row's result depends on nothing but the row, and not on who multiplies.
 */
final class Int8Gemm implements Gemm {
  /** Deeper sums could leave 32 bits: 255·127·depth. */
  private static final int MOST_INPUTS = Integer.MAX_VALUE / (255 * 127) / 64 * 64;

  /** Weight rows of a tile at most, and at least: 128 rows of sums stay in the L2 cache. */
  private static final int WIDEST = 256;

  private static final int NARROWEST = 64;

  /** Rows that are rounded by one task. */
  private static final int ROUNDED_ROWS = 8;

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final DType computeType;
  private final NativeMemory memory;
  private final IntegerProducts products;
  private final float[][] floats;
  private final MemorySegment[] sums;
  private final ThreadTeam.Job rounding = this::round;
  private final ThreadTeam.Job multiplying = this::multiply;
  private final RowCut cut = new RowCut();
  private MemorySegment rounded = MemorySegment.NULL;
  private float[] scales = new float[0];
  private int[] zeroPoints = new int[0];

  private MemorySegment x;
  private Linear weights;
  private Mode mode;
  private MemorySegment bias;
  private MemorySegment out;

  /** Packed tiles, and the sums and scales of their columns, in the tiles' order. */
  private static final class Linear extends CpuLinear {
    private final int depth;
    private final long tileBytes;
    private final int[] columnSums;
    private final float[] columnScales;

    Linear(
        Gemm owner,
        int in,
        int out,
        boolean gated,
        int tileWidth,
        MemorySegment memory,
        int depth,
        long tileBytes) {
      super(owner, in, out, gated, tileWidth, memory);
      this.depth = depth;
      this.tileBytes = tileBytes;
      columnSums = new int[columns(out, gated)];
      columnScales = new float[columns(out, gated)];
    }

    @Override
    public long bytes() {
      return super.bytes() + 8L * columnSums.length;
    }
  }

  Int8Gemm(
      ThreadTeam team,
      RowKernels kernels,
      DType computeType,
      NativeMemory memory,
      IntegerProducts products) {
    this.team = team;
    this.kernels = kernels;
    this.computeType = computeType;
    this.memory = memory;
    this.products = products;
    floats = new float[team.size()][0];
    sums = new MemorySegment[team.size()];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = memory.allocate(4L * RowCut.MOST * WIDEST);
    }
  }

  @Override
  public String describe() {
    return "int8 by "
        + products.describe()
        + (computeType == DType.BF16 ? ", bf16 between products" : ", f32 between products");
  }

  @Override
  public Optional<DnnlEngine> engine() {
    return products.engine();
  }

  @Override
  public DType computeType() {
    return computeType;
  }

  private static long aligned(long bytes) {
    return (bytes + NativeMemory.ALIGNMENT - 1) & -NativeMemory.ALIGNMENT;
  }

  private static int columns(int out, boolean gated) {
    return gated ? 2 * out : out;
  }

  // ---- weights ----

  /** Wide tiles read their inputs less often; all threads should find a few of them. */
  private int tileWidth(int out, boolean gated) {
    int columns = WIDEST;
    while (columns > NARROWEST && columns(out, gated) / columns < 2 * team.size()) {
      columns /= 2;
    }
    return gated ? columns / 2 : columns;
  }

  @Override
  public CpuLinear pack(List<WeightView> parts, boolean gated) {
    int in = parts.getFirst().dimension(1);
    if (in > MOST_INPUTS) {
      throw new IllegalArgumentException(
          "tensor "
              + parts.getFirst().name()
              + " has "
              + in
              + " inputs; int8 products take at most "
              + MOST_INPUTS
              + ", beyond which sums leave 32 bits. Choose bf16 or f32");
    }
    int out = gated ? parts.getFirst().dimension(0) : 0;
    for (int i = 0; !gated && i < parts.size(); i++) {
      out += parts.get(i).dimension(0);
    }
    int depth = (in + IntegerProducts.DEPTH_STEP - 1) & -IntegerProducts.DEPTH_STEP;
    int tileWidth = tileWidth(out, gated);
    int tiles = (out + tileWidth - 1) / tileWidth;
    int lastWidth = out - (tiles - 1) * tileWidth;
    long tileBytes = tiles == 1 ? 0 : aligned(products.tileBytes(depth, columns(tileWidth, gated)));
    long bytes = (tiles - 1) * tileBytes + products.tileBytes(depth, columns(lastWidth, gated));
    Linear map =
        new Linear(this, in, out, gated, tileWidth, memory.allocate(bytes), depth, tileBytes);

    CpuLinear.Source source = new CpuLinear.Source(parts, gated, tileWidth);
    MemorySegment[] raw = new MemorySegment[team.size()];
    Arrays.fill(raw, MemorySegment.NULL);
    try {
      for (int i = 0; i < raw.length; i++) {
        raw[i] = memory.allocate((long) columns(tileWidth, gated) * depth);
        reserveFloats(i, depth);
      }
      team.run((t, worker) -> pack(map, source, t, worker, raw[worker]), tiles);
    } finally {
      for (MemorySegment block : raw) {
        memory.free(block);
      }
    }
    return map;
  }

  private void reserveFloats(int worker, int n) {
    if (floats[worker].length < n) {
      floats[worker] = new float[n];
    }
  }

  private void pack(Linear map, CpuLinear.Source source, int t, int worker, MemorySegment raw) {
    float[] row = floats[worker];
    MemorySegment rowMemory = MemorySegment.ofArray(row);
    int column = t * columns(map.tileWidth, map.gated);
    source.read(
        map,
        t,
        (r, view, viewRow) -> {
          Dequantizer.read(view, (long) viewRow * map.in, map.in, rowMemory, 0);
          float scale = WeightRounding.scale(row, map.in);
          long to = (long) r * map.depth;
          int sum = 0;
          for (int i = 0; i < map.in; i++) {
            byte q = WeightRounding.round(row[i], scale);
            raw.set(JAVA_BYTE, to + i, q);
            sum += q;
          }
          map.columnSums[column + r] = sum;
          map.columnScales[column + r] = scale;
        });
    products.pack(worker, raw, map.depth, map.weightRows(t), map.memory, t * map.tileBytes);
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
    this.x = x;
    this.weights = (Linear) weights;
    this.mode = mode;
    this.bias = bias;
    this.out = out;
    cut.set(rows, weights.tiles(), team.size());
    reserve();
    team.run(rounding, (rows + ROUNDED_ROWS - 1) / ROUNDED_ROWS);
    for (int t : new int[] {0, weights.tiles() - 1}) {
      int columns = weights.weightRows(t);
      products.prepare(cut.chunkRows(), this.weights.depth, columns);
      products.prepare(RowCut.padded(rows - cut.lastStart()), this.weights.depth, columns);
    }
    team.run(multiplying, weights.tiles() * cut.runs());
  }

  /** Rows padded to whole steps, freed before they are replaced. */
  private void reserve() {
    int rows = RowCut.padded(cut.rows());
    long bytes = (long) rows * weights.depth;
    if (rounded.byteSize() < bytes) {
      memory.free(rounded);
      rounded = MemorySegment.NULL;
      rounded = memory.allocate(bytes);
    }
    if (scales.length < rows) {
      scales = new float[rows];
      zeroPoints = new int[rows];
    }
    for (int i = 0; i < floats.length; i++) {
      reserveFloats(i, weights.depth);
    }
  }

  private void round(int task, int worker) {
    int in = weights.in;
    int depth = weights.depth;
    float[] row = floats[worker];
    int end = Math.min(cut.rows(), (task + 1) * ROUNDED_ROWS);
    for (int r = task * ROUNDED_ROWS; r < end; r++) {
      long at = (long) r * in * computeType.blockBytes();
      if (computeType == DType.BF16) {
        kernels.widen(x, at, row, 0, in);
      } else {
        MemorySegment.copy(x, JAVA_FLOAT, at, row, 0, in);
      }
      // what lies behind a row's inputs meets weights that are zero
      kernels.quantize(row, in, rounded, (long) r * depth, scales, zeroPoints, r);
    }
  }

  private void multiply(int task, int worker) {
    int t = task / cut.runs();
    int run = task % cut.runs();
    int end = Math.min(cut.rows(), cut.start(run + 1));
    int columns = weights.weightRows(t);
    for (int first = cut.start(run); first < end; first += cut.chunkRows()) {
      int n = Math.min(cut.chunkRows(), end - first);
      products.multiply(
          worker,
          rounded,
          (long) first * weights.depth,
          RowCut.padded(n),
          weights.depth,
          weights.memory,
          t * weights.tileBytes,
          columns,
          sums[worker]);
      finish(t, first, n, columns, sums[worker]);
    }
  }

  /** What becomes of a tile's sums. */
  private void finish(int t, int first, int n, int columns, MemorySegment block) {
    int column = t * columns(weights.tileWidth, weights.gated);
    boolean gated = mode == Mode.GATED;
    for (int r = 0; r < n; r++) {
      long at = 4L * r * columns;
      long to = gated ? at : 4 * ((long) (first + r) * weights.out + column);
      kernels.dequantize(
          block,
          at,
          columns,
          scales[first + r],
          zeroPoints[first + r],
          weights.columnSums,
          weights.columnScales,
          column,
          gated ? block : out,
          to,
          mode == Mode.ADD);
      if (bias.address() != 0) {
        kernels.add(out, to, bias, 4L * column, columns);
      }
    }
    if (gated) {
      int bytes = computeType.blockBytes();
      long stride = (long) weights.out * bytes;
      long at = first * stride + (long) t * weights.tileWidth * bytes;
      kernels.gatedSilu(block, n, columns / 2, out, at, stride, computeType);
    }
  }

  @Override
  public void close() {
    products.close();
  }
}
