/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Adaptive norms, gates, and the input rows of convolutions, row by row. */
final class Conditioning implements ThreadTeam.Job {
  private static final int TASK_ELEMENTS = 16 * 1024;

  private enum Op {
    NORM,
    GATE,
    CONVOLUTION
  }

  private final ThreadTeam team;
  private final LatentKernels kernels;
  private final float[][] scratch;

  private Op op = Op.NORM;
  private Tensor x;
  private int[] index;
  private int rows;
  private int taskRows;
  private float eps;
  private Optional<Modulation> modulation = Optional.empty();
  private int column;
  private Tensor y;
  private RowSpans spans;
  private int groups;

  Conditioning(ThreadTeam team, LatentKernels kernels) {
    this.team = team;
    this.kernels = kernels;
    scratch = new float[team.size()][0];
  }

  /**
   * Adaptive norm.
   *
   * @param index which rows of {@code x}; empty takes the first {@code rows}
   */
  void norm(Tensor x, int[] index, int rows, float eps, Modulation by, int column, Tensor out) {
    this.index = index;
    this.eps = eps;
    y = out;
    run(Op.NORM, x, rows, by, column);
  }

  /** {@code x += gate·y}. */
  void gate(Tensor x, int rows, Tensor y, Modulation by, int column) {
    this.y = y;
    run(Op.GATE, x, rows, by, column);
  }

  /** Input rows of a convolution, conditioned or not. */
  void convolution(
      Tensor x,
      RowSpans spans,
      int groups,
      float eps,
      Optional<Modulation> by,
      int column,
      Tensor out) {
    this.spans = spans;
    this.groups = groups;
    this.eps = eps;
    y = out;
    for (int i = 0; i < scratch.length; i++) {
      if (scratch[i].length < x.width()) {
        scratch[i] = new float[x.width()];
      }
    }
    modulation = by;
    start(Op.CONVOLUTION, x, spans.rows(), column);
  }

  private void run(Op op, Tensor x, int rows, Modulation by, int column) {
    if (modulation.isEmpty() || modulation.get() != by) {
      modulation = Optional.of(by);
    }
    start(op, x, rows, column);
  }

  private void start(Op op, Tensor x, int rows, int column) {
    this.op = op;
    this.x = x;
    this.rows = rows;
    this.column = column;
    taskRows = team.rowsOfTask(rows, x.width(), TASK_ELEMENTS);
    team.run(this, (rows + taskRows - 1) / taskRows);
  }

  @Override
  public void run(int task, int worker) {
    int end = Math.min(rows, (task + 1) * taskRows);
    for (int row = task * taskRows; row < end; row++) {
      switch (op) {
        case NORM -> norm(row);
        case GATE -> gate(row);
        case CONVOLUTION -> convolution(row, scratch[worker]);
      }
    }
  }

  /** Where {@link #column} of the modulation of {@code row} is. */
  private long modulated(Modulation by, int row) {
    return 4L * ((long) by.rowOf()[row] * by.table().width() + column);
  }

  private void norm(int row) {
    Modulation by = modulation.orElseThrow();
    int width = x.width();
    int from = index.length == 0 ? row : index[row];
    long scale = modulated(by, from);
    kernels.adaNorm(
        x.memory(),
        4L * from * width,
        width,
        eps,
        by.table().memory(),
        scale,
        scale + 4L * width,
        y.memory(),
        at(row, width),
        y.dtype());
  }

  private void gate(int row) {
    Modulation by = modulation.orElseThrow();
    long at = 4L * row * x.width();
    kernels.addScaled(
        x.memory(), at, by.table().memory(), modulated(by, row), y.memory(), at, x.width());
  }

  /** Byte offset of element {@code row · width} of the output. */
  private long at(int row, int width) {
    return y.dtype().bytes((long) row * width);
  }

  /** Puts a row where it is the middle, the right and the left of three. */
  private void convolution(int row, float[] values) {
    int width = x.width();
    int part = width / groups;
    for (int g = 0; g < groups; g++) {
      kernels.normalise(
          x.memory(), 4L * ((long) row * width + g * part), part, eps, values, g * part);
    }
    if (modulation.isPresent()) {
      Modulation by = modulation.get();
      long scale = modulated(by, row);
      kernels.film(values, width, by.table().memory(), scale, scale + 4L * width);
    }
    MemorySegment out = y.memory();
    DType type = y.dtype();
    long bytes = type.bytes(width);
    long middle = 3 * bytes * row + bytes;
    kernels.silu(values, width, out, middle, type);
    int sequence = spans.sequenceOf(row);
    if (row > spans.start(sequence)) {
      MemorySegment.copy(out, middle, out, middle - 2 * bytes, bytes);
    } else {
      out.asSlice(middle - bytes, bytes).fill((byte) 0);
    }
    if (row + 1 < spans.start(sequence + 1)) {
      MemorySegment.copy(out, middle, out, middle + 2 * bytes, bytes);
    } else {
      out.asSlice(middle + bytes, bytes).fill((byte) 0);
    }
  }
}
