/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.lang.model.SourceVersion;

/**
 * Names that a text takes up again after a while: what a writer that has lost the beginning cannot
 * do but by chance, and what chance does is what another text's names do.
 */
final class OldNames {
  /** Positions within which a name counts as still in view. */
  static final int VIEW = PositionWindow.STRETCH;

  private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w{2,}");

  /**
   * A name that is not in view.
   *
   * @param position of the text, from 0 where writing began
   * @param own whether the text had it further back
   * @param other whether the other text has it there
   */
  record Use(int position, boolean own, boolean other) {}

  private record Name(int position, String name) {}

  private OldNames() {}

  /**
   * The names of three letters and more, keywords aside, that are in none of the {@link #VIEW}
   * positions before.
   *
   * @param begin index of the token where writing began, in both texts
   */
  static List<Use> in(TokenText text, TokenText another, int begin) {
    Map<String, Integer> first = new HashMap<>();
    for (Name name : names(another, begin)) {
      first.putIfAbsent(name.name(), name.position());
    }
    Map<String, Integer> last = new HashMap<>();
    List<Use> uses = new ArrayList<>();
    for (Name name : names(text, begin)) {
      int view = name.position() - VIEW;
      Integer before = last.put(name.name(), name.position());
      if (view >= 0 && (before == null || before < view)) {
        uses.add(
            new Use(
                name.position(),
                before != null,
                first.getOrDefault(name.name(), Integer.MAX_VALUE) < view));
      }
    }
    return uses;
  }

  private static List<Name> names(TokenText text, int begin) {
    List<Name> names = new ArrayList<>();
    Matcher matcher = NAME.matcher(text.text());
    while (matcher.find()) {
      if (!SourceVersion.isKeyword(matcher.group())) {
        names.add(new Name(text.token(matcher.start()) - begin, matcher.group()));
      }
    }
    return names;
  }
}
