/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** How to sample, but for the number of network calls. */
final class PlanOptions {
  @Option(
      names = "--temperature",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description =
          "of the prediction; less is surer (default: 0.5; 1 for a student, who learned to be as"
              + " sure by itself)")
  private Optional<Double> temperature = Optional.empty();

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

  /**
   * @param calls of the network
   * @param student whether the denoiser was distilled
   */
  LatentSampler.Plan plan(int calls, boolean student) {
    return new LatentSampler.Plan(
        calls,
        solver,
        temperature.orElse(student ? 1 : 0.5),
        guidance,
        churn,
        refineSteps,
        refineThreshold,
        refineTime);
  }
}
