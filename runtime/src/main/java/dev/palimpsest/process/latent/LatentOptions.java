/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

/**
 * How one request samples from a latent model.
 *
 * @param steps denoiser calls for each block, 1 to {@value #MOST_STEPS}
 * @param grid times of those calls
 * @param solver from one time to the next
 * @param temperature of the softmax over codes; 0 takes the most probable ones
 * @param guidance classifier-free guidance on the given text; 0 for none, which saves half the work
 * @param churn 0 for none, 1 for ancestral sampling
 * @param refineSteps calls that write doubtful positions again, at most {@value #MOST_STEPS}; 0 for
 *     none
 * @param refineThreshold quality below which a position is doubtful, from 0 to 1
 * @param refineTime time such positions go back to, from 0 to below 1
 * @param blockLength positions written at a time, left to right; 0 writes all at once where the
 *     text fits the length the model was trained on, and half of that length at a time elsewhere
 * @param previews decode the estimate after every step, for those who watch; costs a decoder call
 *     each
 * @param stopAtEnd an end token ends the text
 * @param seed of all noise
 */
public record LatentOptions(
    int steps,
    TimeGrid grid,
    Solver solver,
    float temperature,
    float guidance,
    float churn,
    int refineSteps,
    double refineThreshold,
    double refineTime,
    int blockLength,
    boolean previews,
    boolean stopAtEnd,
    long seed) {
  /** Most calls of a block; a file may recommend no more either. */
  public static final int MOST_STEPS = 1 << 16;

  /**
   * @throws IllegalArgumentException naming the option, what was found and what it can be
   */
  public LatentOptions {
    steps("steps", steps, 1);
    steps("refine steps", refineSteps, 0);
    if (!(temperature >= 0) || temperature == Float.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "temperature must be >= 0 and finite; found " + temperature);
    }
    if (!Float.isFinite(guidance) || guidance < 0) {
      throw new IllegalArgumentException("guidance must be >= 0 and finite; found " + guidance);
    }
    within("churn", churn, 0, 1);
    within("refine threshold", refineThreshold, 0, 1);
    if (!(refineTime >= 0 && refineTime < 1)) {
      throw new IllegalArgumentException(
          "refine time must be from 0 (noise) to below 1; found " + refineTime);
    }
    if (churn > 0 && solver == Solver.EULER) {
      throw new IllegalArgumentException(
          "solver euler has no use for churn "
              + churn
              + ": leave it out, or choose ddim or dpm++2m");
    }
    if (blockLength < 0) {
      throw new IllegalArgumentException("block length must be >= 0; found " + blockLength);
    }
  }

  private static void steps(String what, int value, int least) {
    if (value < least || value > MOST_STEPS) {
      throw new IllegalArgumentException(
          "%s must be between %d and %d for a latent model; found %d"
              .formatted(what, least, MOST_STEPS, value));
    }
  }

  private static void within(String what, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new IllegalArgumentException(
          "%s must be between %s and %s; found %s".formatted(what, least, most, value));
    }
  }
}
