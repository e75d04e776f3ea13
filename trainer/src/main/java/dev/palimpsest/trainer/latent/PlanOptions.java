/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import picocli.CommandLine.Option;

/** How to sample, but for the number of network calls. */
final class PlanOptions {
  @Option(
      names = "--temperature",
      defaultValue = "0.5",
      description = "of the prediction; less is surer")
  private double temperature;

  @Option(
      names = "--guidance",
      defaultValue = "0",
      description = "how far to lead away from what is likely without the given text")
  private double guidance;

  @Option(
      names = "--churn",
      defaultValue = "0",
      description = "share of the noise that is fresh in every step")
  private double churn;

  @Option(
      names = "--refine-steps",
      defaultValue = "0",
      description = "calls that write doubtful positions again")
  private int refineSteps;

  @Option(
      names = "--refine-threshold",
      defaultValue = "0.5",
      description = "quality under which a position is doubtful")
  private double refineThreshold;

  @Option(
      names = "--refine-time",
      defaultValue = "0.1",
      description = "time that doubtful positions go back to")
  private double refineTime;

  @Option(names = "--solver", defaultValue = "ddim", description = "ddim or dpm")
  private LatentSampler.Solver solver;

  LatentSampler.Plan plan(int calls) {
    return new LatentSampler.Plan(
        calls, solver, temperature, guidance, churn, refineSteps, refineThreshold, refineTime);
  }
}
