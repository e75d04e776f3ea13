/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.Codebook;

/**
 * Codes in three layouts: as they are, and as panels for {@link RowKernels#multiply}, once to weigh
 * the codes of a group and once to compare with them.
 */
final class CpuCodebook implements Codebook {
  private final Object owner;
  private final int groups;
  private final int codes;
  private final int width;

  /** {@code [groups·codes][width]} */
  final float[] values;

  /** For each group panels of columns {@code [codes][panelWidth]}, zeros behind the last column. */
  final float[] weighed;

  /** For each group panels of codes {@code [width][panelWidth]}, zeros behind the last code. */
  final float[] compared;

  final int panelWidth;

  CpuCodebook(Object owner, float[] values, int groups, int width, int panelWidth) {
    this.owner = owner;
    this.values = values;
    this.groups = groups;
    this.width = width;
    this.panelWidth = panelWidth;
    codes = values.length / width / groups;
    weighed = new float[groups * widthPanels() * codes * panelWidth];
    compared = new float[groups * codePanels() * width * panelWidth];
    for (int g = 0; g < groups; g++) {
      for (int k = 0; k < codes; k++) {
        for (int i = 0; i < width; i++) {
          float v = values[(g * codes + k) * width + i];
          weighed[weighedPanel(g, i / panelWidth) + k * panelWidth + i % panelWidth] = v;
          compared[comparedPanel(g, k / panelWidth) + i * panelWidth + k % panelWidth] = v;
        }
      }
    }
  }

  boolean of(Object device) {
    return owner == device;
  }

  int widthPanels() {
    return (width + panelWidth - 1) / panelWidth;
  }

  int codePanels() {
    return (codes + panelWidth - 1) / panelWidth;
  }

  int weighedPanel(int group, int panel) {
    return (group * widthPanels() + panel) * codes * panelWidth;
  }

  int comparedPanel(int group, int panel) {
    return (group * codePanels() + panel) * width * panelWidth;
  }

  @Override
  public int groups() {
    return groups;
  }

  @Override
  public int codes() {
    return codes;
  }

  @Override
  public int groupWidth() {
    return width;
  }
}
