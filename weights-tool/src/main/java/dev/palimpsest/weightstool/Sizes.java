/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import java.util.Locale;

/** Large numbers for people. */
final class Sizes {
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

  private Sizes() {}

  static String bytes(long n) {
    double value = n;
    int unit = 0;
    while (value >= 1024 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0 ? n + " B" : String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
  }

  /** E.g. 283.1 M. */
  static String count(long n) {
    if (n < 10_000) {
      return Long.toString(n);
    }
    double value = n;
    String[] units = {"", " K", " M", " G", " T"};
    int unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f%s", value, units[unit]);
  }
}
