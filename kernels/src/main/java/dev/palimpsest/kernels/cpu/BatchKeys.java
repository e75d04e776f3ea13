/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the keys and values of a batch lie during one attention: those of paged sequences in their
 * pages, those of the others in blocks of scratch memory. {@link #store} brings the rows there,
 * once for all queries.
 */
final class BatchKeys implements ThreadTeam.Job {
  /** Rows of a task; even. */
  private static final int TASK_ROWS = 16;

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final NativeMemory memory;

  /** {@code [worker]}: a head's row in bf16. */
  private final MemorySegment[] lines;

  /**
   * One for each layout and number of heads: where they change from layer to layer, one alone would
   * be given back and taken anew at every change, for which all threads of the process must stop.
   */
  private final List<KvBlocks> kept = new ArrayList<>();

  private KvBlocks scratch;
  private int[] firstBlock = new int[8];

  private MemorySegment fused;
  private HeadShape shape;
  private RowSpans spans;
  private int[] positions;
  private CpuKvStore store;
  private int layer;

  BatchKeys(ThreadTeam team, RowKernels kernels, NativeMemory memory) {
    this.team = team;
    this.kernels = kernels;
    this.memory = memory;
    lines = new MemorySegment[team.size()];
    java.util.Arrays.fill(lines, MemorySegment.NULL);
    scratch = none();
  }

  /**
   * Copies the keys and values of every row to its position.
   *
   * @param positions of each row; not read unless its sequence is paged
   * @param store where paged sequences lie; not read unless there are any
   */
  void store(
      MemorySegment fused,
      HeadShape shape,
      KvLayout layout,
      RowSpans spans,
      int[] positions,
      CpuKvStore store,
      int layer) {
    this.fused = fused;
    this.shape = shape;
    this.spans = spans;
    this.positions = positions;
    this.store = store;
    this.layer = layer;
    reserve(layout);
    team.run(this, (spans.rows() + TASK_ROWS - 1) / TASK_ROWS);
  }

  private void reserve(KvLayout layout) {
    int sequences = spans.sequences();
    if (firstBlock.length < sequences) {
      firstBlock = new int[2 * sequences];
    }
    int blocks = 0;
    for (int s = 0; s < sequences; s++) {
      firstBlock[s] = blocks;
      blocks += spans.paged(s) ? 0 : (spans.length(s) + KvLayout.BLOCK - 1) / KvLayout.BLOCK;
    }
    scratch = scratch(layout, blocks);
    long line = 2L * KvLayout.roundUp(shape.headDim(), 2);
    for (int i = 0; i < lines.length; i++) {
      if (lines[i].byteSize() < line) {
        memory.free(lines[i]);
        lines[i] = MemorySegment.NULL;
        lines[i] = memory.allocate(line);
      }
    }
  }

  private KvBlocks scratch(KvLayout layout, int blocks) {
    for (KvBlocks fits : kept) {
      if (fits.heads() == shape.kvHeads() && fits.layout().equals(layout)) {
        if (fits.blocks() >= blocks) {
          return fits;
        }
        // Forgotten before it is freed: an allocation that fails must not leave it in use.
        kept.remove(fits);
        scratch = none();
        memory.free(fits.memory());
        break;
      }
    }
    int more = Math.max(blocks, 2 * KvLayout.BLOCK / TASK_ROWS);
    long bytes = KvBlocks.bytes(layout, 1, shape.kvHeads(), more);
    KvBlocks larger = new KvBlocks(memory.allocate(bytes), layout, shape.kvHeads(), more);
    kept.add(larger);
    return larger;
  }

  private static KvBlocks none() {
    return new KvBlocks(MemorySegment.NULL, KvLayout.float32(1, 1), 1, 0);
  }

  /** What holds block {@code block} of sequence {@code s}. */
  KvBlocks blocks(int s, int block) {
    return spans.paged(s) ? store.slab(spans.pages(s)[block]) : scratch;
  }

  /** Which block of {@link #blocks} it is. */
  int index(int s, int block) {
    return spans.paged(s) ? store.block(spans.pages(s)[block]) : firstBlock[s] + block;
  }

  /** Which layer of {@link #blocks} it is in. */
  int layer(int s) {
    return spans.paged(s) ? layer : 0;
  }

  /** Where row {@code row} of sequence {@code s} stands in it. */
  int position(int s, int row) {
    return spans.paged(s) ? positions[row] : row - spans.start(s);
  }

  @Override
  public void run(int task, int worker) {
    int row = begin(task * TASK_ROWS);
    int end = begin(Math.min(spans.rows(), (task + 1) * TASK_ROWS));
    for (int s = spans.sequenceOf(row); row < end; s++) {
      int stop = Math.min(end, spans.start(s + 1));
      if (stop == spans.start(s + 1) && !spans.paged(s)) {
        clearTail(s);
      }
      for (int head = 0; head < shape.kvHeads(); head++) {
        store(s, head, row, stop, worker);
      }
      row = stop;
    }
  }

  /** Two positions that are interleaved in memory belong to one task. */
  private int begin(int row) {
    if (row == 0 || row == spans.rows()) {
      return row;
    }
    int s = spans.sequenceOf(row);
    boolean split =
        row > spans.start(s)
            && position(s, row) % 2 == 1
            && position(s, row - 1) == position(s, row) - 1;
    return split ? row + 1 : row;
  }

  /** Scratch memory holds an earlier batch, and that might hold what is not a number. */
  private void clearTail(int s) {
    int last = spans.length(s) - 1;
    int block = last / KvLayout.BLOCK;
    for (int head = 0; head < shape.kvHeads(); head++) {
      scratch.clearValues(0, head, index(s, block), last % KvLayout.BLOCK & ~1);
    }
  }

  private void store(int s, int head, int from, int to, int worker) {
    int d = shape.headDim();
    long rowBytes = 4L * shape.fusedWidth();
    long keyAt = from * rowBytes + 4L * (shape.queryWidth() + head * d);
    for (int row = from; row < to; row++) {
      int position = position(s, row);
      int block = position / KvLayout.BLOCK;
      int slot = position % KvLayout.BLOCK;
      KvBlocks blocks = blocks(s, block);
      int index = index(s, block);
      long keys = blocks.keys(layer(s), head, index);
      if (blocks.layout().type() == DType.BF16) {
        key(keyAt, blocks.memory(), keys + 4L * slot, d, lines[worker]);
      } else {
        key(keyAt, blocks.memory(), keys + 4L * slot, d);
      }
      value(keyAt + 4L * shape.keyWidth(), blocks, layer(s), head, index, slot);
      keyAt += rowBytes;
    }
  }

  /** A column of pairs of elements. */
  private void key(long from, MemorySegment to, long at, int d, MemorySegment line) {
    kernels.narrow(fused, from, line, 0, d);
    if (d % 2 == 1) {
      line.set(JAVA_SHORT, 2L * d, (short) 0);
    }
    for (int i = 0; i < d; i += 2) {
      to.set(JAVA_INT, at, line.get(JAVA_INT, 2L * i));
      at += 4L * KvLayout.BLOCK;
    }
  }

  /** A column of elements. */
  private void key(long from, MemorySegment to, long at, int d) {
    for (int i = 0; i < d; i++) {
      to.set(JAVA_FLOAT, at, fused.get(JAVA_FLOAT, from + 4L * i));
      at += 4L * KvLayout.BLOCK;
    }
  }

  private void value(long from, KvBlocks blocks, int layer, int head, int index, int slot) {
    KvLayout layout = blocks.layout();
    int width = layout.valueWidth();
    for (int part = 0; part < layout.valueParts(); part++) {
      int n = Math.min(width, shape.headDim() - part * width);
      long at = blocks.values(layer, head, part, index);
      if (layout.type() == DType.BF16) {
        at += 4L * (slot / 2) * width;
        kernels.interleave(fused, from + 4L * part * width, n, blocks.memory(), at, slot % 2);
      } else {
        at += 4L * slot * width;
        MemorySegment.copy(fused, from + 4L * part * width, blocks.memory(), at, 4L * n);
      }
    }
  }
}
