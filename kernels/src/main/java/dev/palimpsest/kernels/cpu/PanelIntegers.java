/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * u8·s8 products in Java, by the float kernels: a sum of 256 products is a whole number below 2²⁴,
 * which f32 holds exactly. Weights lie in panels of as many columns as the micro-kernel fills.
 */
final class PanelIntegers implements IntegerProducts {
  /** Input elements that are summed in f32: 256·255·127 &lt; 2²⁴. */
  private static final int DEPTH = 256;

  private final RowKernels kernels;
  private final int panel;
  private final float[][] rows;
  private final float[][] panels;
  private final float[][] partial;

  PanelIntegers(RowKernels kernels, ThreadTeam team) {
    this.kernels = kernels;
    panel = kernels.panelWidth();
    rows = new float[team.size()][RowCut.MOST * DEPTH];
    panels = new float[team.size()][DEPTH * panel];
    partial = new float[team.size()][RowCut.MOST * panel];
  }

  @Override
  public String describe() {
    return kernels.describe();
  }

  @Override
  public long tileBytes(int depth, int columns) {
    return (long) (columns + panel - 1) / panel * panel * depth;
  }

  @Override
  public void pack(
      int worker, MemorySegment weights, int depth, int columns, MemorySegment tiles, long tileAt) {
    for (int c = 0; c < columns; c++) {
      long to = tileAt + (long) (c / panel) * panel * depth + c % panel;
      for (int i = 0; i < depth; i++) {
        tiles.set(JAVA_BYTE, to + (long) i * panel, weights.get(JAVA_BYTE, (long) c * depth + i));
      }
    }
  }

  @Override
  public void prepare(int rows, int depth, int columns) {}

  @Override
  public void multiply(
      int worker,
      MemorySegment x,
      long xAt,
      int rows,
      int depth,
      MemorySegment tiles,
      long tileAt,
      int columns,
      MemorySegment sums) {
    float[] a = this.rows[worker];
    float[] b = panels[worker];
    float[] c = partial[worker];
    for (int k = 0; k < depth; k += DEPTH) {
      int deep = Math.min(DEPTH, depth - k);
      for (int r = 0; r < rows; r++) {
        kernels.widenBytes(x, xAt + (long) r * depth + k, false, a, r * DEPTH, deep);
      }
      for (int p = 0; p < columns; p += panel) {
        kernels.widenBytes(
            tiles, tileAt + (long) p * depth + (long) k * panel, true, b, 0, deep * panel);
        kernels.multiply(a, 0, DEPTH, rows, b, 0, deep, c, 0, panel, false);
        int width = Math.min(panel, columns - p);
        for (int r = 0; r < rows; r++) {
          kernels.storeWhole(c, r * panel, width, sums, 4 * ((long) r * columns + p), k > 0);
        }
      }
    }
  }

  @Override
  public void close() {}
}
