/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.cli.WatchedCanvas.Cell;
import dev.palimpsest.cli.WatchedCanvas.State;
import dev.palimpsest.text.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Cells as stretches of text. A character of several bytes may be split over several tokens of a
 * byte-level vocabulary; such tokens are decoded together and share the most telling of their
 * states.
 */
final class TokenTexts {
  /** A mask's width on the screen, whatever will stand there. */
  static final String MASK = "░░";

  /** The longest UTF-8 character has four bytes. */
  private static final int MOST_TOKENS = 4;

  private static final char BROKEN = '\uFFFD';

  /** Text in one state. */
  record Stretch(State state, String text) {}

  private final Tokenizer tokenizer;
  private final Map<List<Integer>, String> known = new HashMap<>();

  TokenTexts(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  List<Stretch> stretches(List<Cell> cells) {
    List<Stretch> stretches = new ArrayList<>();
    int at = 0;
    while (at < cells.size()) {
      State state = cells.get(at).state();
      if (masked(state)) {
        stretches.add(new Stretch(state, MASK));
        at++;
        continue;
      }
      int taken = whole(cells, at);
      for (int i = at + 1; i < at + taken; i++) {
        State other = cells.get(i).state();
        state = other.compareTo(state) > 0 ? other : state;
      }
      stretches.add(new Stretch(state, text(cells, at, taken)));
      at += taken;
    }
    return stretches;
  }

  /** How many tokens from {@code at} on make whole characters: one, or up to four. */
  private int whole(List<Cell> cells, int at) {
    for (int taken = 1; taken <= MOST_TOKENS; taken++) {
      if (at + taken > cells.size() || masked(cells.get(at + taken - 1).state())) {
        break;
      }
      if (text(cells, at, taken).indexOf(BROKEN) < 0) {
        return taken;
      }
    }
    return 1;
  }

  private String text(List<Cell> cells, int at, int count) {
    List<Integer> ids = cells.subList(at, at + count).stream().map(Cell::token).toList();
    return known.computeIfAbsent(
        ids, key -> tokenizer.decode(key.stream().mapToInt(Integer::intValue).toArray(), true));
  }

  private static boolean masked(State state) {
    return state == State.MASKED || state == State.TAKEN_BACK;
  }
}
