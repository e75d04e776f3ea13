/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Which positions of a forward get logits.
 *
 * @param last the last so many positions; their logits are reduced to predictions and never stored.
 *     {@link #ALL} stores the logits of every position
 */
record WantedLogits(int last) {
  static final int ALL = -1;

  boolean all() {
    return last == ALL;
  }

  /** Positions of a row of {@code length} that get logits. */
  int count(int length) {
    return all() ? length : Math.min(last, length);
  }

  /** As on the command line. */
  @Override
  public String toString() {
    return all() ? "all" : last == 0 ? "none" : Integer.toString(last);
  }

  /** Reads {@code all}, {@code none} or a number. */
  static final class Converter implements ITypeConverter<WantedLogits> {
    @Override
    public WantedLogits convert(String value) {
      int last =
          switch (value) {
            case "all" -> ALL;
            case "none" -> 0;
            default -> number(value);
          };
      return new WantedLogits(last);
    }

    private static int number(String value) {
      try {
        int n = Integer.parseInt(value);
        if (n >= 0) {
          return n;
        }
      } catch (NumberFormatException e) {
        // Falls through to the message below.
      }
      throw new TypeConversionException(
          "expected all, none or how many of the last positions; found '" + value + "'");
    }
  }
}
