/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A stretch of positions of a text.
 *
 * @param from its first position
 * @param to one past its last
 */
record PositionWindow(int from, int to) {
  /** Positions that all windows are made of. */
  static final int STRETCH = 128;

  /** 0 to 127, 128 to 255, and on, each as long as all before it, up to {@code tokens}. */
  static List<PositionWindow> upTo(int tokens) {
    List<PositionWindow> windows = new ArrayList<>();
    for (int from = 0; from < tokens; ) {
      int to = Math.min(tokens, from == 0 ? STRETCH : 2 * from);
      windows.add(new PositionWindow(from, to));
      from = to;
    }
    return windows;
  }

  boolean has(int position) {
    return position >= from && position < to;
  }

  String name() {
    return String.format(Locale.ROOT, "%,d–%,d", from, to - 1);
  }
}
