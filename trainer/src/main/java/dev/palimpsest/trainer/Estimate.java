/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.Optional;
import java.util.OptionalDouble;

/**
 * A mean over texts of different weight, and its standard error.
 *
 * @param value the mean
 * @param error its standard error, texts taken as independent; none where a single text has any
 *     weight
 */
record Estimate(double value, OptionalDouble error) {
  /**
   * {@code Σ sums / Σ weights} with the error of a ratio estimator; nothing where no text has any
   * weight.
   *
   * @param sums one for each text
   */
  static Optional<Estimate> of(double[] sums, double[] weights) {
    double total = 0;
    double weight = 0;
    for (int i = 0; i < sums.length; i++) {
      total += sums[i];
      weight += weights[i];
    }
    if (weight == 0) {
      return Optional.empty();
    }
    double mean = total / weight;
    double squares = 0;
    int n = 0;
    for (int i = 0; i < sums.length; i++) {
      double residual = sums[i] - mean * weights[i];
      squares += residual * residual;
      n += weights[i] > 0 ? 1 : 0;
    }
    return Optional.of(
        new Estimate(
            mean,
            n < 2
                ? OptionalDouble.empty()
                : OptionalDouble.of(Math.sqrt(squares * n / (n - 1)) / weight)));
  }
}
