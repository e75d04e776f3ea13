/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import java.util.List;

/**
 * How a model's trainer recommends to sample from it.
 *
 * @param steps denoiser calls for each block of text
 * @param grid times of those calls, ascending from 0 or later to below 1; empty for evenly spaced
 * @param solver from one time to the next
 * @param temperature of the softmax over codes
 * @param guidance classifier-free guidance on the given text; 0 for none
 * @param churn 0 for none, 1 for ancestral sampling
 * @param refineSteps calls that write doubtful positions again; 0 for none
 * @param refineThreshold quality below which a position is doubtful
 * @param refineTime time such positions go back to
 * @param quantiles of the times the network was trained at, equally probable, ascending; may be
 *     empty
 */
public record LatentDefaults(
    int steps,
    List<Double> grid,
    Solver solver,
    float temperature,
    float guidance,
    float churn,
    int refineSteps,
    double refineThreshold,
    double refineTime,
    List<Double> quantiles) {
  /** Where a checkpoint says nothing. */
  public static final LatentDefaults USUAL =
      new LatentDefaults(8, List.of(), Solver.DPM_SOLVER_2M, 1, 0, 0, 0, 0.5, 0.5, List.of());

  public LatentDefaults {
    grid = List.copyOf(grid);
    quantiles = List.copyOf(quantiles);
  }
}
