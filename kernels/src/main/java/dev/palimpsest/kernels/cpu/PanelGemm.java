/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Matrix products in Java: weights lie in panels of as many columns as the micro-kernel fills, the
 * columns of a panel side by side for each input element. bf16 weights stay bf16 and are widened
 * panel by panel.
 */
final class PanelGemm implements Gemm, ThreadTeam.Job {
  /** Input elements of a panel that are multiplied at a time: 256 · 32 floats fit the L1 cache. */
  private static final int DEPTH = 256;

  /** Rows converted to floats at a time, and rows of a task. */
  private static final int ROWS = 256;

  private static final int TASK_ROWS = 64;

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final DType computeType;
  private final NativeMemory memory;
  private final int panel;
  private final float[][] panels;
  private final float[][] products;
  private final MemorySegment[] epilogue;
  private float[] floats = new float[0];

  private MemorySegment x;
  private int firstRow;
  private int rows;
  private CpuLinear weights;
  private Mode mode;
  private MemorySegment bias;
  private MemorySegment out;
  private int chunks;

  PanelGemm(ThreadTeam team, RowKernels kernels, DType computeType, NativeMemory memory) {
    this.team = team;
    this.kernels = kernels;
    this.computeType = computeType;
    this.memory = memory;
    panel = kernels.panelWidth();
    panels = new float[team.size()][];
    products = new float[team.size()][];
    epilogue = new MemorySegment[team.size()];
    for (int i = 0; i < team.size(); i++) {
      panels[i] = new float[DEPTH * panel];
      products[i] = new float[TASK_ROWS * 2 * panel];
      epilogue[i] = memory.allocate(8L * panel);
    }
  }

  @Override
  public String describe() {
    return (computeType == DType.BF16 ? "bf16 by " : "f32 by ") + kernels.describe();
  }

  @Override
  public DType computeType() {
    return computeType;
  }

  /** Elements a tile takes: whole panels. */
  private long tileElements(CpuLinear map) {
    return (map.gated ? 2L : 1L) * map.in * panel;
  }

  private int elementBytes() {
    return computeType.blockBytes();
  }

  @Override
  public CpuLinear pack(List<WeightView> parts, boolean gated) {
    int in = parts.getFirst().dimension(1);
    int out = gated ? parts.getFirst().dimension(0) : 0;
    for (int i = 0; !gated && i < parts.size(); i++) {
      out += parts.get(i).dimension(0);
    }
    long tiles = (out + panel - 1) / panel;
    long bytes = tiles * (gated ? 2 : 1) * in * panel * elementBytes();
    CpuLinear map = new CpuLinear(this, in, out, gated, panel, memory.allocate(bytes));
    CpuLinear.Source source = new CpuLinear.Source(parts, gated, panel);
    team.run(
        (t, worker) -> {
          float[] row = new float[in];
          MemorySegment floatRow = MemorySegment.ofArray(row);
          long tile = t * tileElements(map);
          int width = map.width(t);
          source.read(
              map,
              t,
              (r, view, viewRow) -> {
                Dequantizer.read(view, (long) viewRow * in, in, floatRow, 0);
                // a gated tile is two panels: the gate's, then the up projection's
                long column = tile + (r < width ? r : (long) in * panel + r - width);
                for (int i = 0; i < in; i++) {
                  long at = column + (long) i * panel;
                  if (computeType == DType.BF16) {
                    map.memory.set(ValueLayout.JAVA_SHORT, 2 * at, Bfloat16.of(row[i]));
                  } else {
                    map.memory.set(JAVA_FLOAT, 4 * at, row[i]);
                  }
                }
              });
        },
        map.tiles());
    return map;
  }

  @Override
  public void multiply(
      MemorySegment x,
      int rows,
      CpuLinear weights,
      Mode mode,
      MemorySegment bias,
      MemorySegment out) {
    this.x = x;
    this.weights = weights;
    this.mode = mode;
    this.bias = bias;
    this.out = out;
    int in = weights.in;
    if (floats.length < Math.min(rows, ROWS) * in) {
      floats = new float[ROWS * in];
    }
    for (firstRow = 0; firstRow < rows; firstRow += ROWS) {
      this.rows = Math.min(ROWS, rows - firstRow);
      long at = (long) firstRow * in * elementBytes();
      if (computeType == DType.BF16) {
        kernels.widen(x, at, floats, 0, this.rows * in);
      } else {
        MemorySegment.copy(x, JAVA_FLOAT, at, floats, 0, this.rows * in);
      }
      chunks = (this.rows + TASK_ROWS - 1) / TASK_ROWS;
      team.run(this, weights.tiles() * chunks);
    }
  }

  @Override
  public void run(int task, int worker) {
    int t = task / chunks;
    int row = task % chunks * TASK_ROWS;
    int n = Math.min(TASK_ROWS, rows - row);
    long tile = t * tileElements(weights);
    int stride = weights.gated ? 2 * panel : panel;
    float[] c = products[worker];
    accumulate(tile, row, n, c, 0, stride, panels[worker]);
    if (weights.gated) {
      accumulate(tile + (long) weights.in * panel, row, n, c, panel, stride, panels[worker]);
    }
    int width = weights.width(t);
    int column = t * panel;
    MemorySegment line = epilogue[worker];
    for (int r = 0; r < n; r++) {
      long outRow = (long) (firstRow + row + r) * weights.out + column;
      switch (mode) {
        case STORE -> {
          MemorySegment.copy(c, r * stride, out, JAVA_FLOAT, 4 * outRow, width);
          if (bias.address() != 0) {
            kernels.add(out, 4 * outRow, bias, 4L * column, width);
          }
        }
        case ADD -> {
          MemorySegment.copy(c, r * stride, line, JAVA_FLOAT, 0, width);
          kernels.add(out, 4 * outRow, line, 0, width);
        }
        case GATED -> {
          MemorySegment.copy(c, r * stride, line, JAVA_FLOAT, 0, width);
          MemorySegment.copy(c, r * stride + panel, line, JAVA_FLOAT, 4L * width, width);
          kernels.gatedSilu(line, 1, width, out, outRow * elementBytes(), 0, computeType);
        }
      }
    }
  }

  private void accumulate(
      long tile, int row, int n, float[] c, int column, int stride, float[] block) {
    int in = weights.in;
    for (int k = 0; k < in; k += DEPTH) {
      int depth = Math.min(DEPTH, in - k);
      long at = (tile + (long) k * panel) * elementBytes();
      if (computeType == DType.BF16) {
        kernels.widen(weights.memory, at, block, 0, depth * panel);
      } else {
        MemorySegment.copy(weights.memory, JAVA_FLOAT, at, block, 0, depth * panel);
      }
      kernels.multiply(floats, row * in + k, in, n, block, 0, depth, c, column, stride, k > 0);
    }
  }

  @Override
  public void close() {}
}
