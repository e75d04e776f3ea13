/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Methods that a text begins, well formed or not: lines that open with a modifier and come to a
 * parenthesis and a brace before an assignment or a semicolon. Methods without a modifier are not
 * seen, in no text.
 */
final class BegunMethods {
  private static final Pattern MODIFIER =
      Pattern.compile(
          "(?m)^ *(?=(?:public|protected|private|static|final|synchronized|abstract)\\b)");
  private static final Pattern TYPE = Pattern.compile("\\b(?:class|interface|enum|record)\\s+\\w");

  private BegunMethods() {}

  /** Where their first modifiers stand, in characters. */
  static List<Integer> in(String text) {
    List<Integer> starts = new ArrayList<>();
    Matcher lines = MODIFIER.matcher(text);
    while (lines.find()) {
      int start = lines.end();
      int at = start;
      while (at < text.length() && "{};=\0".indexOf(text.charAt(at)) < 0) {
        at++;
      }
      if (at < text.length() && text.charAt(at) == '{') {
        String head = text.substring(start, at);
        if (head.indexOf('(') >= 0 && !TYPE.matcher(head).find()) {
          starts.add(start);
        }
      }
    }
    return starts;
  }
}
