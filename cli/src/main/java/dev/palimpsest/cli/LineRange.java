/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Lines of a text.
 *
 * @param first counted from 1
 * @param last included
 */
record LineRange(int first, int last) {
  private static final Pattern RANGE = Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?");

  /** A text in three: the lines of the range are the middle, without their last line break. */
  record Cut(String before, String middle, String after) {}

  LineRange {
    if (first < 1 || last < first) {
      throw new IllegalArgumentException(
          "lines are A-B with 1 <= A <= B; found " + first + "-" + last);
    }
  }

  /**
   * Cuts {@code text} around these lines.
   *
   * @throws IllegalArgumentException if the text has fewer lines
   */
  Cut cut(String text) {
    int from = startOf(first, text);
    int to = startOf(last, text);
    if (from < 0 || to < 0) {
      throw new IllegalArgumentException(
          "--lines " + first + "-" + last + ": there are only " + text.lines().count() + " lines");
    }
    int end = text.indexOf('\n', to);
    end = end < 0 ? text.length() : end;
    if (end > to && text.charAt(end - 1) == '\r') {
      end--;
    }
    return new Cut(text.substring(0, from), text.substring(from, end), text.substring(end));
  }

  /** Where line {@code line} begins, or -1. */
  private static int startOf(int line, String text) {
    int at = 0;
    for (int i = 1; i < line; i++) {
      at = text.indexOf('\n', at) + 1;
      if (at == 0) {
        return -1;
      }
    }
    return at < text.length() ? at : -1;
  }

  /** Reads {@code A-B} or {@code A}. */
  static final class Converter implements ITypeConverter<LineRange> {
    @Override
    public LineRange convert(String value) {
      Matcher matcher = RANGE.matcher(value.strip());
      if (!matcher.matches()) {
        throw new TypeConversionException("expected A-B, e.g. 12-14, but found '" + value + "'");
      }
      int first = Integer.parseInt(matcher.group(1));
      int last = matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2));
      try {
        return new LineRange(first, last);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
