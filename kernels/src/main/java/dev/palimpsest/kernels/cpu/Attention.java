/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Softmax attention over tiles of keys (Milakov and Gimelshein, 2018; Dao et al., FlashAttention,
 * 2022), so that memory never grows with the square of the length. A task has some queries of the
 * heads that share their keys; queries of several heads are rows of one product.
 *
 * <p>Every tile is computed by itself, with a maximum of its own, and folded into what came before
 * it, in order. Tiles begin at fixed positions. So a row's bits depend neither on the batch, nor on
 * whether its keys are rows of it or lie in pages, nor on who computes which tile: where queries
 * are too few to keep all threads busy, tiles are shared out and folded afterwards (Dao et al.,
 * Flash-Decoding, 2023).
 */
final class Attention {
  /** Tasks that a worker should find, so that none is idle for long. */
  private static final int TASKS = 4;

  /** Most memory for tiles that wait to be folded. */
  private static final long PENDING_BYTES = 64L << 20;

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final NativeMemory memory;
  private final AttentionTiles tiles;
  private final BatchKeys keys;
  private final Scratch[] scratch;
  private final ThreadTeam.Job whole = this::whole;
  private final ThreadTeam.Job part = this::part;
  private final ThreadTeam.Job fold = this::fold;

  private MemorySegment fused;
  private HeadShape shape;
  private RowSpans spans;
  private AttentionMask mask;
  private MemorySegment out;
  private DType outType;
  private int width;

  /** Of each sequence, and then of none: its first task; its first task when tiles are shared. */
  private int[] firstTask = new int[8];

  private int[] firstPart = new int[8];

  /** Of each sequence: where its tiles wait, counted in tiles. */
  private int[] firstPending = new int[8];

  /** Tiles of a task when they are shared out. */
  private int partTiles;

  private MemorySegment pending = MemorySegment.NULL;
  private float[] pendingMax = new float[0];
  private float[] pendingSum = new float[0];

  /** What one worker needs. */
  private static final class Scratch {
    private MemorySegment outputs = MemorySegment.NULL;
    private MemorySegment tile = MemorySegment.NULL;
    private final int[] seen = new int[AttentionTiles.ROWS];
    private final float[] max = new float[AttentionTiles.ROWS];
    private final float[] sum = new float[AttentionTiles.ROWS];
    private final float[] tileMax = new float[AttentionTiles.ROWS];
    private final float[] tileSum = new float[AttentionTiles.ROWS];
  }

  Attention(ThreadTeam team, RowKernels kernels, NativeMemory memory, AttentionTiles tiles) {
    this.team = team;
    this.kernels = kernels;
    this.memory = memory;
    this.tiles = tiles;
    keys = new BatchKeys(team, kernels, memory);
    scratch = new Scratch[team.size()];
    Arrays.setAll(scratch, i -> new Scratch());
  }

  /** How keys and values must lie. */
  KvLayout layout(int headDim) {
    return tiles.layout(headDim);
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

  /** Stores what the rows bring, then attends; neither null unless no sequence is paged. */
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
    if (spans.rows() == 0) {
      return;
    }
    this.fused = fused;
    this.shape = shape;
    this.spans = spans;
    this.mask = mask;
    this.out = out;
    this.outType = outType;
    KvLayout layout = tiles.layout(shape.headDim());
    width = layout.outputWidth();
    keys.store(fused, shape, layout, spans, positions, store, layer);
    tiles.prepare(shape, spans, mask);
    reserve();
    int tasks = plan();
    int wanted = TASKS * team.size();
    long shared = firstPending[spans.sequences()];
    if (team.size() > 1
        && tasks < wanted
        && shared > tasks
        && 4L * shared * AttentionTiles.ROWS * width <= PENDING_BYTES) {
      team.run(part, share((int) shared, wanted));
      team.run(fold, tasks);
    } else {
      team.run(whole, tasks);
    }
  }

  private void reserve() {
    long bytes = 4L * AttentionTiles.ROWS * width;
    for (Scratch w : scratch) {
      if (w.tile.byteSize() < bytes) {
        memory.free(w.outputs);
        memory.free(w.tile);
        w.outputs = MemorySegment.NULL;
        w.tile = MemorySegment.NULL;
        w.outputs = memory.allocate(bytes);
        w.tile = memory.allocate(bytes);
      }
    }
    int sequences = spans.sequences();
    if (firstTask.length <= sequences) {
      firstTask = new int[2 * sequences];
      firstPart = new int[2 * sequences];
      firstPending = new int[2 * sequences];
    }
  }

  /** Numbers the tasks, and the tiles of all tasks; answers how many tasks there are. */
  private int plan() {
    int sequences = spans.sequences();
    int tasks = 0;
    long waiting = 0;
    for (int s = 0; s < sequences; s++) {
      firstTask[s] = tasks;
      firstPending[s] = (int) waiting;
      int n = Math.multiplyExact(tilesOf(rows(s)), shape.kvHeads());
      tasks = Math.addExact(tasks, n);
      // What does not fit into an int is never shared out.
      waiting = Math.min(Integer.MAX_VALUE, waiting + (long) n * keyTiles(s));
    }
    firstTask[sequences] = tasks;
    firstPending[sequences] = (int) waiting;
    return tasks;
  }

  /** Cuts the tiles of every task into parts; answers how many parts there are. */
  private int share(int shared, int wanted) {
    partTiles = Math.max(1, shared / wanted);
    int parts = 0;
    for (int s = 0; s < spans.sequences(); s++) {
      firstPart[s] = parts;
      parts += (firstTask[s + 1] - firstTask[s]) * parts(s);
    }
    firstPart[spans.sequences()] = parts;
    long bytes = 4L * shared * AttentionTiles.ROWS * width;
    if (pending.byteSize() < bytes) {
      memory.free(pending);
      pending = MemorySegment.NULL;
      pending = memory.allocate(bytes);
    }
    if (pendingMax.length < shared * AttentionTiles.ROWS) {
      pendingMax = new float[shared * AttentionTiles.ROWS];
      pendingSum = new float[shared * AttentionTiles.ROWS];
    }
    return parts;
  }

  private int parts(int s) {
    return (keyTiles(s) + partTiles - 1) / partTiles;
  }

  /** Tiles of keys of a sequence. */
  private int keyTiles(int s) {
    return (spans.context(s) + AttentionTiles.KEYS - 1) / AttentionTiles.KEYS;
  }

  /** Heads that share keys. */
  private int group() {
    return shape.heads() / shape.kvHeads();
  }

  /** Rows of the products of one key head: row {@code i} is query i / group of head i % group. */
  private int rows(int s) {
    return Math.multiplyExact(spans.length(s), group());
  }

  /** Tasks that so many rows make. */
  static int tilesOf(int rows) {
    return (rows + AttentionTiles.ROWS - 1) / AttentionTiles.ROWS;
  }

  /** Rows of a task: as even as multiples of 16 allow. */
  static int tileRows(int rows) {
    int n = tilesOf(rows);
    return KvLayout.roundUp((rows + n - 1) / n, 16);
  }

  /** The sequence whose number in {@code first} is the last one not above {@code n}. */
  private int sequence(int[] first, int n) {
    int s = Arrays.binarySearch(first, 0, spans.sequences() + 1, n);
    // each sequence has at least one task, so numbers are distinct
    return s >= 0 ? s : -s - 2;
  }

  // ---- tasks ----

  /** All tiles of a task. */
  private void whole(int task, int worker) {
    Scratch w = scratch[worker];
    int s = sequence(firstTask, task);
    int head = (task - firstTask[s]) % shape.kvHeads();
    int first = (task - firstTask[s]) / shape.kvHeads() * tileRows(rows(s));
    int rows = load(s, head, first, worker);
    int tileCount = visibleTiles(s, first + rows - 1);
    for (int t = 0; t < tileCount; t++) {
      see(s, first, rows, t, w.seen);
      if (t == 0) {
        tiles.tile(worker, keys, s, head, 0, rows, w.seen, w.outputs, 0, w.max, w.sum);
      } else {
        tiles.tile(worker, keys, s, head, t, rows, w.seen, w.tile, 0, w.tileMax, w.tileSum);
        for (int r = 0; r < rows; r++) {
          fold(w, r, w.outputs, r * 4L * width, w.tile, r * 4L * width, w.tileMax[r], w.tileSum[r]);
        }
      }
    }
    write(s, head, first, rows, w.outputs, 0, w.sum);
  }

  /** Some tiles of a task, to be folded later. */
  private void part(int number, int worker) {
    Scratch w = scratch[worker];
    int s = sequence(firstPart, number);
    int task = (number - firstPart[s]) / parts(s);
    int head = task % shape.kvHeads();
    int first = task / shape.kvHeads() * tileRows(rows(s));
    int rows = load(s, head, first, worker);
    int from = (number - firstPart[s]) % parts(s) * partTiles;
    int to = Math.min(from + partTiles, visibleTiles(s, first + rows - 1));
    for (int t = from; t < to; t++) {
      see(s, first, rows, t, w.seen);
      int slot = firstPending[s] + task * keyTiles(s) + t;
      long at = 4L * slot * AttentionTiles.ROWS * width;
      tiles.tile(worker, keys, s, head, t, rows, w.seen, pending, at, w.tileMax, w.tileSum);
      System.arraycopy(w.tileMax, 0, pendingMax, slot * AttentionTiles.ROWS, rows);
      System.arraycopy(w.tileSum, 0, pendingSum, slot * AttentionTiles.ROWS, rows);
    }
  }

  /** Folds the tiles of a task into its first one. */
  private void fold(int number, int worker) {
    Scratch w = scratch[worker];
    int s = sequence(firstTask, number);
    int task = number - firstTask[s];
    int head = task % shape.kvHeads();
    int first = task / shape.kvHeads() * tileRows(rows(s));
    int rows = Math.min(tileRows(rows(s)), rows(s) - first);
    int slot = firstPending[s] + task * keyTiles(s);
    long at = 4L * slot * AttentionTiles.ROWS * width;
    System.arraycopy(pendingMax, slot * AttentionTiles.ROWS, w.max, 0, rows);
    System.arraycopy(pendingSum, slot * AttentionTiles.ROWS, w.sum, 0, rows);
    int tileCount = visibleTiles(s, first + rows - 1);
    for (int t = 1; t < tileCount; t++) {
      int stats = (slot + t) * AttentionTiles.ROWS;
      long from = at + 4L * t * AttentionTiles.ROWS * width;
      for (int r = 0; r < rows; r++) {
        long row = r * 4L * width;
        fold(
            w,
            r,
            pending,
            at + row,
            pending,
            from + row,
            pendingMax[stats + r],
            pendingSum[stats + r]);
      }
    }
    write(s, head, first, rows, pending, at, w.sum);
  }

  /** Hands the queries of a task to its worker; answers how many rows they are. */
  private int load(int s, int head, int first, int worker) {
    int rows = Math.min(tileRows(rows(s)), rows(s) - first);
    for (int r = 0; r < rows; r++) {
      long row = spans.start(s) + (first + r) / group();
      long column = (long) (head * group() + (first + r) % group()) * shape.headDim();
      tiles.query(worker, r, fused, 4 * (row * shape.fusedWidth() + column));
    }
    return rows;
  }

  /** How many keys of tile {@code t} each row sees. */
  private void see(int s, int first, int rows, int t, int[] seen) {
    for (int r = 0; r < rows; r++) {
      seen[r] =
          Math.clamp(
              visible(s, first + r) - t * (long) AttentionTiles.KEYS, 0, AttentionTiles.KEYS);
    }
  }

  /** Keys that row {@code i} of the products sees. */
  private int visible(int s, int i) {
    int length = spans.context(s);
    int block = mask.blockLength();
    if (block == 0) {
      return length;
    }
    int position = keys.position(s, spans.start(s) + i / group());
    return (int) Math.min(length, (position / block + 1L) * block);
  }

  private int visibleTiles(int s, int i) {
    return (visible(s, i) + AttentionTiles.KEYS - 1) / AttentionTiles.KEYS;
  }

  /** Folds one row of a tile into what the tiles before it gave. */
  private void fold(
      Scratch w,
      int r,
      MemorySegment outputs,
      long at,
      MemorySegment tile,
      long tileAt,
      float max,
      float sum) {
    if (sum == 0) {
      return; // nothing of the tile is seen
    }
    float before = 1;
    float now = 1;
    if (max > w.max[r]) {
      before = Exponential.of(w.max[r] - max);
      w.max[r] = max;
    } else {
      now = Exponential.of(max - w.max[r]);
    }
    w.sum[r] = w.sum[r] * before + sum * now;
    kernels.fold(outputs, at, before, tile, tileAt, now, width);
  }

  private void write(
      int s, int head, int first, int rows, MemorySegment outputs, long at, float[] sum) {
    int d = shape.headDim();
    for (int r = 0; r < rows; r++) {
      long row = spans.start(s) + (first + r) / group();
      long column = (long) (head * group() + (first + r) % group()) * d;
      long to = (row * shape.queryWidth() + column) * outType.blockBytes();
      kernels.storeScaled(outputs, at + r * 4L * width, d, 1 / sum[r], out, to, outType);
    }
  }
}
