/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.GenerationRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text with holes. {@code [[8]]} is a hole of eight tokens. A backslash before it makes it ordinary
 * text ({@code \[[8]]} is the text {@code [[8]]}), and a backslash that is meant as one is doubled
 * there ({@code \\[[8]]} is a backslash and a hole); everywhere else backslashes are what they are.
 *
 * @param parts texts and holes in order
 */
record HoleText(List<Part> parts) {
  /** A stretch of the text. */
  sealed interface Part {
    /** Text that stays. */
    record Text(String text) implements Part {}

    /** Tokens to be written. */
    record Hole(int tokens) implements Part {}
  }

  private static final Pattern HOLE = Pattern.compile("(\\\\*)\\[\\[(\\d+)]]");

  HoleText {
    parts = List.copyOf(parts);
  }

  /**
   * Reads the notation.
   *
   * @throws IllegalArgumentException if a hole has no size that makes sense
   */
  static HoleText parse(String source) {
    List<Part> parts = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    Matcher matcher = HOLE.matcher(source);
    int from = 0;
    while (matcher.find()) {
      text.append(source, from, matcher.start());
      int backslashes = matcher.group(1).length();
      text.repeat('\\', backslashes / 2);
      if (backslashes % 2 == 1) {
        text.append(source, matcher.end(1), matcher.end());
      } else {
        endText(parts, text);
        parts.add(new Part.Hole(size(matcher.group(2), matcher.group())));
      }
      from = matcher.end();
    }
    text.append(source, from, source.length());
    endText(parts, text);
    return new HoleText(parts);
  }

  private static void endText(List<Part> parts, StringBuilder text) {
    if (!text.isEmpty()) {
      parts.add(new Part.Text(text.toString()));
      text.setLength(0);
    }
  }

  private static int size(String digits, String hole) {
    int size = digits.length() > 9 ? Integer.MAX_VALUE : Integer.parseInt(digits);
    if (size < 1 || size > 1_000_000) {
      throw new IllegalArgumentException(
          "a hole is [[N]] with N tokens from 1 to 1000000; found " + hole);
    }
    return size;
  }

  int holes() {
    return (int) parts.stream().filter(Part.Hole.class::isInstance).count();
  }

  /** Tokens to be written. */
  int tokens() {
    return parts.stream().mapToInt(part -> part instanceof Part.Hole(int n) ? n : 0).sum();
  }

  GenerationRequest.Builder request() {
    GenerationRequest.Builder request = GenerationRequest.builder();
    for (Part part : parts) {
      switch (part) {
        case Part.Text(String text) -> request.text(text);
        case Part.Hole(int tokens) -> request.hole(tokens);
      }
    }
    return request;
  }

  /** The text with {@code writings} in its holes. */
  String filled(List<String> writings) {
    StringBuilder text = new StringBuilder();
    int hole = 0;
    for (Part part : parts) {
      text.append(part instanceof Part.Text(String given) ? given : writings.get(hole++));
    }
    return text.toString();
  }
}
