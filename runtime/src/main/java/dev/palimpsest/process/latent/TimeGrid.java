/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The times at which the network is called, ascending from noise; after the last comes t = 1. */
public enum TimeGrid {
  /** What the trainer found best; for another number of steps spread alike. */
  RECOMMENDED,
  /** i / steps. */
  UNIFORM,
  /** Quantiles of the times the network was trained at: as many steps where it learnt more. */
  QUANTILES;

  /** As command lines write it. */
  public String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The times of so many calls.
   *
   * @throws IllegalArgumentException if the checkpoint does not say what this grid needs
   */
  public double[] times(int steps, LatentDefaults defaults) {
    double[] times = new double[steps];
    for (int i = 0; i < steps; i++) {
      double u = (double) i / steps;
      times[i] =
          switch (this) {
            case UNIFORM -> u;
            case RECOMMENDED -> defaults.grid().isEmpty() ? u : interpolate(closed(defaults), u);
            case QUANTILES -> interpolate(quantiles(defaults), u);
          };
    }
    return times;
  }

  /** So many times from {@code from} on, evenly. */
  static double[] from(double from, int steps) {
    double[] times = new double[steps];
    for (int i = 0; i < steps; i++) {
      times[i] = from + (1 - from) * i / steps;
    }
    return times;
  }

  private static double[] closed(LatentDefaults defaults) {
    double[] knots = new double[defaults.grid().size() + 1];
    Arrays.setAll(knots, i -> i + 1 < knots.length ? defaults.grid().get(i) : 1);
    return knots;
  }

  private static double[] quantiles(LatentDefaults defaults) {
    List<Double> known = defaults.quantiles();
    if (known.isEmpty()) {
      throw new IllegalArgumentException(
          "grid quantiles: the checkpoint's config.json has no sampling.quantiles: choose recommended or uniform");
    }
    // Between two steps at t = 1 there would be nothing left to do.
    return known.stream().mapToDouble(t -> Math.min(t, 1 - 1e-3)).toArray();
  }

  /** The value at u in [0, 1] of evenly spaced knots. */
  private static double interpolate(double[] knots, double u) {
    double at = u * (knots.length - 1);
    int i = Math.min((int) at, knots.length - 2);
    return knots[i] + (at - i) * (knots[i + 1] - knots[i]);
  }
}
