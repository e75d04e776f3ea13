/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.process.latent.LatentChoice;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.process.latent.TimeGrid;
import picocli.CommandLine.Option;

/** Options that say how a latent model samples; other models refuse them. */
final class LatentSampling {
  @Option(
      names = "--solver",
      paramLabel = "NAME",
      description =
          "Latent models: how a step goes from one noise level to the next: ${COMPLETION-CANDIDATES}"
              + " (default: what the model's trainer recommends).",
      completionCandidates = Spelled.Solvers.class,
      converter = Spelled.SolverConverter.class)
  private Solver solver;

  @Option(
      names = "--grid",
      paramLabel = "NAME",
      description =
          "Latent models: the noise levels of the steps: ${COMPLETION-CANDIDATES} (default:"
              + " recommended, by the model's trainer).",
      completionCandidates = Spelled.Grids.class,
      converter = Spelled.GridConverter.class)
  private TimeGrid grid;

  @Option(
      names = "--churn",
      paramLabel = "C",
      description =
          "Latent models: fresh noise in every step, 0 for none to 1 for ancestral sampling (default:"
              + " the trainer's; not with --solver euler).")
  private Double churn;

  @Option(
      names = "--refine-steps",
      paramLabel = "N",
      description =
          "Latent models: write doubtful positions again in N more steps; 0 for none (default: the"
              + " trainer's).")
  private Integer refineSteps;

  @Option(
      names = "--refine-threshold",
      paramLabel = "P",
      description =
          "Latent models: a position is doubtful if the model gives it less than P to be right, 0 to 1"
              + " (default: the trainer's).")
  private Double refineThreshold;

  @Option(
      names = "--refine-time",
      paramLabel = "T",
      description =
          "Latent models: doubtful positions go back to this time, 0 (noise) to below 1 (default: the"
              + " trainer's).")
  private Double refineTime;

  /** What was said. */
  LatentChoice choice() {
    LatentChoice choice = LatentChoice.NONE;
    choice = solver == null ? choice : choice.withSolver(solver);
    choice = grid == null ? choice : choice.withGrid(grid);
    choice = churn == null ? choice : choice.withChurn(churn);
    choice = refineSteps == null ? choice : choice.withRefineSteps(refineSteps);
    choice = refineThreshold == null ? choice : choice.withRefineThreshold(refineThreshold);
    return refineTime == null ? choice : choice.withRefineTime(refineTime);
  }
}
