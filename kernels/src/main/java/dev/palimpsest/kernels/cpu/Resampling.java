/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Half resolution, back to full, and rows gathered by number. */
final class Resampling implements ThreadTeam.Job {
  private static final int TASK_ELEMENTS = 32 * 1024;

  private enum Op {
    DOWN,
    UP,
    GATHER
  }

  private final ThreadTeam team;
  private final RowKernels rowKernels;
  private final LatentKernels kernels;
  private final float[][] scratch;

  private Op op = Op.GATHER;
  private Tensor x;
  private Tensor weights;
  private Tensor out;
  private RowSpans spans;
  private RowSpans half;
  private int[] index;
  private int rows;
  private int taskRows;

  Resampling(ThreadTeam team, RowKernels rowKernels, LatentKernels kernels) {
    this.team = team;
    this.rowKernels = rowKernels;
    this.kernels = kernels;
    scratch = new float[team.size()][0];
  }

  void down(Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out) {
    this.x = x;
    this.spans = spans;
    this.half = half;
    weights = taps;
    this.out = out;
    for (int i = 0; i < scratch.length; i++) {
      if (scratch[i].length < x.width()) {
        scratch[i] = new float[x.width()];
      }
    }
    run(Op.DOWN, half.rows(), x.width());
  }

  void up(Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x) {
    this.x = h;
    this.half = half;
    this.spans = spans;
    weights = gate;
    out = x;
    run(Op.UP, spans.rows(), x.width());
  }

  void gather(Tensor x, int[] index, int count, Tensor out) {
    this.x = x;
    this.index = index;
    this.out = out;
    run(Op.GATHER, count, out.width());
  }

  private void run(Op op, int rows, int width) {
    this.op = op;
    this.rows = rows;
    taskRows = team.rowsOfTask(rows, width, TASK_ELEMENTS);
    team.run(this, (rows + taskRows - 1) / taskRows);
  }

  @Override
  public void run(int task, int worker) {
    int end = Math.min(rows, (task + 1) * taskRows);
    for (int row = task * taskRows; row < end; row++) {
      switch (op) {
        case DOWN -> down(row, worker);
        case UP -> up(row);
        case GATHER -> gather(row);
      }
    }
  }

  private void down(int row, int worker) {
    int width = x.width();
    int sequence = half.sequenceOf(row);
    int start = spans.start(sequence);
    int end = spans.start(sequence + 1);
    int from = start + 2 * (row - half.start(sequence)) - 1;
    float[] values = scratch[worker];
    boolean first = true;
    for (int k = 0; k < 4; k++) {
      if (from + k >= start && from + k < end) {
        kernels.tap(
            values,
            width,
            weights.memory(),
            4L * k * width,
            x.memory(),
            4L * (from + k) * width,
            first);
        first = false;
      }
    }
    kernels.store(values, width, out.memory(), at(row), out.dtype());
  }

  private void up(int row) {
    int sequence = spans.sequenceOf(row);
    int from = half.start(sequence) + (row - spans.start(sequence)) / 2;
    kernels.addScaled(
        out.memory(), at(row), weights.memory(), 0, x.memory(), 4L * from * x.width(), out.width());
  }

  private void gather(int row) {
    int width = out.width();
    if (index[row] < 0) {
      out.memory().asSlice(at(row), out.dtype().bytes(width)).fill((byte) 0);
      return;
    }
    long from = 4L * index[row] * width;
    if (out.dtype() == DType.BF16) {
      rowKernels.narrow(x.memory(), from, out.memory(), at(row), width);
    } else {
      MemorySegment.copy(x.memory(), from, out.memory(), at(row), 4L * width);
    }
  }

  private long at(int row) {
    return out.dtype().bytes((long) row * out.width());
  }
}
