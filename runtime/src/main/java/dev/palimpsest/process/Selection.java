/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * Finds the k-th smallest of many values without sorting them: quickselect (Hoare, 1961), in linear
 * time on the average, many equal values included.
 */
final class Selection {
  private Selection() {}

  /**
   * The value that would stand at {@code k} if {@code values[0 .. size - 1]} were in ascending
   * order; moves them about. There must be no NaN among them.
   */
  static double kth(double[] values, int size, int k) {
    int from = 0;
    int to = size - 1;
    while (from < to) {
      double pivot = median(values[from], values[(from + to) >>> 1], values[to]);
      // Below the pivot up to less, above it from more on, and what equals it between them.
      int less = from;
      int more = to;
      int at = from;
      while (at <= more) {
        double value = values[at];
        if (value < pivot) {
          values[at++] = values[less];
          values[less++] = value;
        } else if (value > pivot) {
          values[at] = values[more];
          values[more--] = value;
        } else {
          at++;
        }
      }
      if (k < less) {
        to = less - 1;
      } else if (k > more) {
        from = more + 1;
      } else {
        return pivot;
      }
    }
    return values[from];
  }

  private static double median(double a, double b, double c) {
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }
}
