/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

/**
 * A share or a mean over items of different weight, and its standard error: {@code Σ value / Σ
 * weight}, items taken as independent (the ratio estimator).
 *
 * @param value the share
 * @param error its standard error
 */
record Estimate(double value, double error) {
  /** Of {@code sums[i]} out of {@code weights[i]}. */
  static Estimate of(double[] sums, double[] weights) {
    double total = 0;
    double weight = 0;
    for (int i = 0; i < sums.length; i++) {
      total += sums[i];
      weight += weights[i];
    }
    double mean = total / weight;
    double squares = 0;
    for (int i = 0; i < sums.length; i++) {
      double residual = sums[i] - mean * weights[i];
      squares += residual * residual;
    }
    double n = sums.length;
    return new Estimate(
        mean, n < 2 ? Double.POSITIVE_INFINITY : Math.sqrt(squares * n / (n - 1)) / weight);
  }

  /** How much larger {@code sums} are than {@code others}, item by item. */
  static Estimate difference(double[] sums, double[] others, double[] weights) {
    double[] differences = new double[sums.length];
    for (int i = 0; i < sums.length; i++) {
      differences[i] = sums[i] - others[i];
    }
    return of(differences, weights);
  }
}
