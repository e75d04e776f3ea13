/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

/** Turns one Java source file into the plain text that the corpus holds. */
final class JavaSource {
  private JavaSource() {}

  /**
   * Removes line and block comments. String, character and text-block literals are left alone, so a
   * {@code "//"} inside one survives. A block comment between two tokens leaves one space.
   */
  static String withoutComments(String source) {
    StringBuilder out = new StringBuilder(source.length());
    int n = source.length();
    int i = 0;
    while (i < n) {
      char c = source.charAt(i);
      if (source.startsWith("//", i)) {
        int end = source.indexOf('\n', i);
        i = end < 0 ? n : end;
      } else if (source.startsWith("/*", i)) {
        int end = source.indexOf("*/", i + 2);
        i = end < 0 ? n : end + 2;
        if (!out.isEmpty() && !Character.isWhitespace(out.charAt(out.length() - 1))) {
          out.append(' ');
        }
      } else if (c == '"' || c == '\'') {
        int end = literalEnd(source, i);
        out.append(source, i, end);
        i = end;
      } else {
        out.append(c);
        i++;
      }
    }
    return out.toString();
  }

  /** One past the closing quote of the literal that starts at {@code start}. */
  private static int literalEnd(String source, int start) {
    String quote =
        source.startsWith("\"\"\"", start) ? "\"\"\"" : source.substring(start, start + 1);
    int i = start + quote.length();
    while (i < source.length()) {
      char c = source.charAt(i);
      if (c == '\\') {
        i += 2;
      } else if (source.startsWith(quote, i)) {
        return i + quote.length();
      } else if (c == '\n' && quote.length() == 1) {
        return i;
      } else {
        i++;
      }
    }
    return source.length();
  }

  /**
   * LF line ends, four spaces for a tab, no trailing blanks, at most one empty line in a row and
   * none at the start or directly after an opening brace.
   */
  static String normalized(String source) {
    StringBuilder out = new StringBuilder(source.length());
    boolean blank = true;
    for (String line : source.replace("\r\n", "\n").replace('\r', '\n').split("\n", -1)) {
      String text = line.replace("\t", "    ").stripTrailing();
      if (text.isEmpty()) {
        if (!blank && !out.isEmpty()) {
          out.append('\n');
        }
        blank = true;
      } else {
        out.append(text).append('\n');
        blank = text.endsWith("{");
      }
    }
    int end = out.length();
    while (end > 1 && out.charAt(end - 1) == '\n' && out.charAt(end - 2) == '\n') {
      end--;
    }
    out.setLength(end);
    return out.toString();
  }

  /**
   * Whether the text is worth learning from: not tiny, not a generated table (many digits, very
   * long lines, very long file).
   */
  static boolean usable(String text) {
    if (text.length() < 200 || text.length() > 200_000) {
      return false;
    }
    int digits = 0;
    int foreign = 0;
    int line = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      digits += c >= '0' && c <= '9' ? 1 : 0;
      foreign += c > 126 ? 1 : 0;
      line = c == '\n' ? 0 : line + 1;
      if (line > 400) {
        return false;
      }
    }
    return digits < text.length() * 0.12 && foreign < text.length() * 0.01;
  }
}
