/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import java.lang.foreign.MemorySegment;

/** RMS norm of rows, of chosen rows, and of the query and key heads of fused rows. */
final class Normalisation implements ThreadTeam.Job {
  private static final int TASK_ELEMENTS = 32 * 1024;

  private final ThreadTeam team;
  private final RowKernels kernels;

  private MemorySegment x;
  private int[] index;
  private int rows;
  private int width;
  private int taskRows;
  private MemorySegment weight;
  private float eps;
  private MemorySegment out;
  private DType outType;
  private HeadShape heads;
  private MemorySegment keyWeight;

  Normalisation(ThreadTeam team, RowKernels kernels) {
    this.team = team;
    this.kernels = kernels;
  }

  /**
   * Norms rows.
   *
   * @param index which rows of {@code x}; empty takes the first {@code rows}
   */
  void rows(
      MemorySegment x,
      int[] index,
      int rows,
      int width,
      MemorySegment weight,
      float eps,
      MemorySegment out,
      DType outType) {
    this.index = index;
    this.weight = weight;
    this.out = out;
    this.outType = outType;
    heads = null;
    run(x, rows, width, eps);
  }

  /** Norms the query and key heads of fused rows in place. */
  void heads(
      MemorySegment fused,
      int rows,
      HeadShape shape,
      MemorySegment queryWeight,
      MemorySegment keyWeight,
      float eps) {
    heads = shape;
    weight = queryWeight;
    this.keyWeight = keyWeight;
    run(fused, rows, shape.fusedWidth(), eps);
  }

  private void run(MemorySegment x, int rows, int width, float eps) {
    this.x = x;
    this.rows = rows;
    this.width = width;
    this.eps = eps;
    taskRows = team.rowsOfTask(rows, width, TASK_ELEMENTS);
    team.run(this, (rows + taskRows - 1) / taskRows);
  }

  @Override
  public void run(int task, int worker) {
    int end = Math.min(rows, (task + 1) * taskRows);
    for (int row = task * taskRows; row < end; row++) {
      if (heads != null) {
        int d = heads.headDim();
        long at = 4L * row * width;
        for (int h = 0; h < heads.heads() + heads.kvHeads(); h++, at += 4L * d) {
          MemorySegment w = h < heads.heads() ? weight : keyWeight;
          kernels.rmsNorm(x, at, d, w, eps, x, at, DType.F32);
        }
      } else {
        int from = index.length == 0 ? row : index[row];
        kernels.rmsNorm(
            x,
            4L * from * width,
            width,
            weight,
            eps,
            out,
            (long) row * width * outType.blockBytes(),
            outType);
      }
    }
  }
}
