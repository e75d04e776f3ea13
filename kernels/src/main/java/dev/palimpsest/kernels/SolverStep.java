/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * One step of a solver, whichever it is: {@code z ← a·z + b·x + c·x̂0 + n·ε}, where x is the new
 * estimate of the clean latent and x̂0 the one before.
 *
 * @param latent a
 * @param estimate b
 * @param previous c; where it is 0 the estimate before is not read
 * @param noise n; where it is 0 no noise is drawn
 */
public record SolverStep(float latent, float estimate, float previous, float noise) {}
