/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import picocli.CommandLine.Option;

/** What every run's optimiser is told, but for its rate and its decay. */
public final class OptimiserOptions {
  @Option(names = "--warmup", defaultValue = "200", description = "steps of linear warm-up")
  private int warmup;

  @Option(
      names = "--final-rate",
      defaultValue = "0.02",
      description = "learning rate at the end, as a fraction of the peak")
  private double finalFraction;

  @Option(names = "--clip", defaultValue = "1", description = "largest norm of the gradient")
  private double clip;

  @Option(names = "--average", defaultValue = "0.998", description = "decay of the weight average")
  private double average;

  /** Steps of linear warm-up. */
  public int warmup() {
    return warmup;
  }

  /** Learning rate at the end, as a fraction of the peak. */
  public double finalFraction() {
    return finalFraction;
  }

  /** Largest norm of the gradient. */
  public double clip() {
    return clip;
  }

  /** Decay of the weight average. */
  public double average() {
    return average;
  }
}
