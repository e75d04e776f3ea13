/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

/**
 * What decides the course of a training run; stored with its checkpoints, and a run goes on only
 * with the same ones.
 *
 * @param batch rows of a step
 * @param peakRate learning rate after the warm-up
 * @param warmupSteps steps of linear warm-up
 * @param finalFraction learning rate at the end, as a fraction of the peak
 * @param weightDecay AdamW's decoupled decay, on matrices only
 * @param clip largest norm of the gradient
 * @param averageDecay decay of the weight average
 * @param structured fraction of rows whose masks form a completion or an infill
 * @param wrong fraction of rows with wrong tokens among the visible ones
 * @param bf16 multiply in bfloat16
 */
public record Settings(
    DenoiserShape shape,
    int batch,
    long seed,
    double peakRate,
    int warmupSteps,
    double finalFraction,
    double weightDecay,
    double clip,
    double averageDecay,
    double structured,
    double wrong,
    boolean bf16) {
  /**
   * The learning rate: linear warm-up times a cosine over the run.
   *
   * @param step steps done
   * @param progress share of the run that is done, 0 to 1
   */
  double rate(long step, double progress) {
    return cosineRate(peakRate, warmupSteps, finalFraction, step, progress);
  }

  /** Linear warm-up times a cosine that ends at a fraction of the peak. */
  public static double cosineRate(
      double peakRate, int warmupSteps, double finalFraction, long step, double progress) {
    double warm = Math.min(1, (step + 1.0) / warmupSteps);
    double cosine = 0.5 * (1 + Math.cos(Math.PI * Math.clamp(progress, 0, 1)));
    return peakRate * warm * (finalFraction + (1 - finalFraction) * cosine);
  }
}
