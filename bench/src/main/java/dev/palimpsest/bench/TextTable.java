/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows of cells in aligned columns, the first flush left, the others flush right. */
public final class TextTable {
  private final List<String[]> rows = new ArrayList<>();
  private int left = 1;

  public TextTable(String... header) {
    rows.add(header);
  }

  /** Sets how many leading columns are flush left. */
  public TextTable leftColumns(int count) {
    left = count;
    return this;
  }

  public TextTable row(String... cells) {
    if (cells.length != rows.getFirst().length) {
      throw new IllegalArgumentException(
          "a row wants " + rows.getFirst().length + " cells; found " + Arrays.toString(cells));
    }
    rows.add(cells);
    return this;
  }

  /** Pads with spaces; lines end without any. */
  @Override
  public String toString() {
    int columns = rows.getFirst().length;
    int[] widths = new int[columns];
    for (String[] row : rows) {
      for (int c = 0; c < columns; c++) {
        widths[c] = Math.max(widths[c], row[c].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String pad = " ".repeat(widths[c] - row[c].length());
        line.append(c == 0 ? "" : "  ").append(c < left ? row[c] + pad : pad + row[c]);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
