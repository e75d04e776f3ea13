/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.cli.TokenTexts.Stretch;
import dev.palimpsest.cli.WatchedCanvas.State;
import java.util.ArrayList;
import java.util.List;

/**
 * One picture of a canvas: rows that fit the width, tabs expanded, control characters made visible.
 *
 * @param rows what stands in each row, from left to right
 */
record Frame(List<List<Stretch>> rows) {
  private static final int TAB = 4;

  Frame {
    rows = rows.stream().map(List::copyOf).toList();
  }

  /** Lays {@code stretches} out in rows of at most {@code width} columns. */
  static Frame of(List<Stretch> stretches, int width) {
    Layout layout = new Layout(Math.max(4, width));
    stretches.forEach(layout::add);
    return new Frame(layout.finish());
  }

  /** True in rows where this step did something. */
  boolean active(int row) {
    return rows.get(row).stream()
        .anyMatch(stretch -> stretch.state() != State.GIVEN && stretch.state() != State.SETTLED);
  }

  /**
   * At most {@code height} rows, those around the first one where something is to be written or was
   * just written.
   */
  Frame around(int height) {
    if (rows.size() <= height) {
      return this;
    }
    int first = 0;
    while (first < rows.size() - 1 && !active(first)) {
      first++;
    }
    int from = Math.clamp(first - height / 3, 0, rows.size() - height);
    return new Frame(rows.subList(from, from + height));
  }

  private static final class Layout {
    private final int width;
    private final List<List<Stretch>> rows = new ArrayList<>();
    private final List<Stretch> row = new ArrayList<>();
    private final StringBuilder run = new StringBuilder();
    private State state = State.GIVEN;
    private int column;

    Layout(int width) {
      this.width = width;
    }

    void add(Stretch stretch) {
      if (stretch.state() != state) {
        endRun();
        state = stretch.state();
      }
      String text = stretch.text().replace("\r\n", "\n");
      if (text.equals(TokenTexts.MASK) && column + TokenTexts.MASK.length() > width) {
        endRow();
      }
      text.codePoints().forEach(this::add);
    }

    private void add(int character) {
      if (character == '\n') {
        if (state == State.NEW || state == State.CHANGED) {
          put('↵', 1);
        }
        endRow();
      } else if (character == '\t') {
        int spaces = TAB - column % TAB;
        for (int i = 0; i < spaces; i++) {
          put(' ', 1);
        }
      } else {
        int visible = visible(character);
        put(visible, columns(visible));
      }
    }

    private void put(int character, int columns) {
      if (column + columns > width) {
        endRow();
      }
      run.appendCodePoint(character);
      column += columns;
    }

    private void endRun() {
      if (!run.isEmpty()) {
        row.add(new Stretch(state, run.toString()));
        run.setLength(0);
      }
    }

    private void endRow() {
      endRun();
      rows.add(List.copyOf(row));
      row.clear();
      column = 0;
    }

    List<List<Stretch>> finish() {
      if (column > 0 || rows.isEmpty()) {
        endRow();
      }
      return rows;
    }
  }

  /**
   * The character to show for {@code character}: control pictures for what would move the cursor.
   */
  static int visible(int character) {
    if (character < 0x20) {
      return 0x2400 + character;
    }
    if (character == 0x7F) {
      return 0x2421;
    }
    return switch (Character.getType(character)) {
      // C1 controls, and marks that turn the direction of the text around.
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.UNASSIGNED -> 0xFFFD;
      case Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> '↵';
      default -> character;
    };
  }

  /** Columns that a terminal gives {@code character}: 2 for East Asian wide ones and emoji. */
  static int columns(int character) {
    int type = Character.getType(character);
    if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
      return 0;
    }
    boolean wide =
        (character >= 0x1100 && character <= 0x115F)
            || (character >= 0x2E80 && character <= 0xA4CF && character != 0x303F)
            || (character >= 0xAC00 && character <= 0xD7A3)
            || (character >= 0xF900 && character <= 0xFAFF)
            || (character >= 0xFE30 && character <= 0xFE6F)
            || (character >= 0xFF00 && character <= 0xFF60)
            || (character >= 0xFFE0 && character <= 0xFFE6)
            || (character >= 0x1F300 && character <= 0x1F64F)
            || (character >= 0x1F680 && character <= 0x1F6FF)
            || (character >= 0x1F900 && character <= 0x1F9FF)
            || (character >= 0x20000 && character <= 0x3FFFD);
    return wide ? 2 : 1;
  }
}
