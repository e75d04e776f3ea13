/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** Rotary position embedding, with a table of angles per kind of {@link Rope} that grows. */
final class Rotary implements ThreadTeam.Job {
  private static final int TASK_ELEMENTS = 32 * 1024;

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final Map<Rope, Table> tables = new HashMap<>();

  private MemorySegment x;
  private int rows;
  private int taskRows;
  private HeadShape shape;
  private Rope rope;
  private int[] positions;
  private Table table;

  /** {@code cos} and {@code sin} of {@code position · theta^(−2i/dims)}, {@code [position][i]}. */
  private record Table(int positions, float[] cos, float[] sin) {}

  Rotary(ThreadTeam team, RowKernels kernels) {
    this.team = team;
    this.kernels = kernels;
  }

  void rotate(MemorySegment x, int rows, HeadShape shape, Rope rope, int[] positions) {
    int last = 0;
    for (int i = 0; i < rows; i++) {
      if (positions[i] < 0) {
        throw new IllegalArgumentException(
            "rotate: positions must be >= 0; row " + i + " has " + positions[i]);
      }
      last = Math.max(last, positions[i]);
    }
    this.x = x;
    this.rows = rows;
    this.shape = shape;
    this.rope = rope;
    this.positions = positions;
    table = table(rope, last + 1);
    taskRows = team.rowsOfTask(rows, shape.fusedWidth(), TASK_ELEMENTS);
    team.run(this, (rows + taskRows - 1) / taskRows);
  }

  private Table table(Rope rope, int count) {
    Table known = tables.get(rope);
    if (known != null && known.positions >= count) {
      return known;
    }
    int n = Math.max(count, known == null ? 512 : 2 * known.positions);
    int half = rope.dims() / 2;
    float[] cos = new float[Math.multiplyExact(n, half)];
    float[] sin = new float[n * half];
    for (int i = 0; i < half; i++) {
      double frequency = Math.pow(rope.theta(), -2.0 * i / rope.dims());
      for (int p = 0; p < n; p++) {
        cos[p * half + i] = (float) Math.cos(p * frequency);
        sin[p * half + i] = (float) Math.sin(p * frequency);
      }
    }
    Table made = new Table(n, cos, sin);
    tables.put(rope, made);
    return made;
  }

  @Override
  public void run(int task, int worker) {
    int half = rope.dims() / 2;
    int headDim = shape.headDim();
    int turned = shape.heads() + shape.kvHeads();
    float[] cos = table.cos;
    float[] sin = table.sin;
    int end = Math.min(rows, (task + 1) * taskRows);
    for (int row = task * taskRows; row < end; row++) {
      int angles = positions[row] * half;
      long at = 4L * row * shape.fusedWidth();
      for (int h = 0; h < turned; h++, at += 4L * headDim) {
        if (rope.pairing() == Rope.Pairing.HALF_SPLIT) {
          kernels.rotateHalves(x, at, half, cos, sin, angles);
        } else {
          rotatePairs(x, at, half, cos, sin, angles);
        }
      }
    }
  }

  private static void rotatePairs(
      MemorySegment x, long at, int half, float[] cos, float[] sin, int angles) {
    for (int i = 0; i < half; i++) {
      float a = x.get(JAVA_FLOAT, at + 8L * i);
      float b = x.get(JAVA_FLOAT, at + 8L * i + 4);
      float c = cos[angles + i];
      float s = sin[angles + i];
      x.set(JAVA_FLOAT, at + 8L * i, a * c - b * s);
      x.set(JAVA_FLOAT, at + 8L * i + 4, b * c + a * s);
    }
  }
}
