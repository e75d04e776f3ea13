/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

/** How far two lists of numbers are apart, summed up piece by piece in double precision. */
final class Difference {
  private double squares;
  private double reference;
  private double largest;
  private long count;
  private long different;

  /** Takes the first {@code n} numbers of each; {@code b} is the reference. */
  void add(float[] a, float[] b, int n) {
    for (int i = 0; i < n; i++) {
      boolean same = Float.floatToIntBits(a[i]) == Float.floatToIntBits(b[i]) || a[i] == b[i];
      double d = same ? 0 : (double) a[i] - b[i];
      if (!same) {
        different++;
        // What is not a number is infinitely far from any number.
        largest = Math.max(largest, Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.abs(d));
        squares += Double.isNaN(d) ? Double.POSITIVE_INFINITY : d * d;
      }
      if (Float.isFinite(b[i])) {
        reference += (double) b[i] * b[i];
      }
    }
    count += n;
  }

  void add(Difference other) {
    squares += other.squares;
    reference += other.reference;
    largest = Math.max(largest, other.largest);
    count += other.count;
    different += other.different;
  }

  /** {@code ‖a − b‖ / ‖b‖}; 0 if they are equal. */
  double relative() {
    return squares == 0 ? 0 : Math.sqrt(squares) / Math.sqrt(reference);
  }

  /** The largest absolute difference. */
  double largest() {
    return largest;
  }

  /** Numbers compared. */
  long count() {
    return count;
  }

  /** Numbers that are not equal. */
  long different() {
    return different;
  }
}
