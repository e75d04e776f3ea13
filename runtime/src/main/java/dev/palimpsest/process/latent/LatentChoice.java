/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What a request says of sampling that only latent models know; the trainer's recommendation stands
 * for the rest. Values are checked when they become {@link LatentOptions}.
 */
public record LatentChoice(
    Optional<Solver> solver,
    Optional<TimeGrid> grid,
    OptionalDouble churn,
    OptionalInt refineSteps,
    OptionalDouble refineThreshold,
    OptionalDouble refineTime) {
  /** Nothing is said. */
  public static final LatentChoice NONE =
      new LatentChoice(
          Optional.empty(),
          Optional.empty(),
          OptionalDouble.empty(),
          OptionalInt.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty());

  /** One of the things that are said, with its value, for a message; empty if there is none. */
  public Optional<String> named() {
    if (solver.isPresent()) {
      return Optional.of("solver " + solver.get().spelling());
    }
    if (grid.isPresent()) {
      return Optional.of("grid " + grid.get().spelling());
    }
    if (churn.isPresent()) {
      return Optional.of("churn " + churn.getAsDouble());
    }
    if (refineSteps.isPresent()) {
      return Optional.of("refine steps " + refineSteps.getAsInt());
    }
    if (refineThreshold.isPresent()) {
      return Optional.of("refine threshold " + refineThreshold.getAsDouble());
    }
    return refineTime.isPresent()
        ? Optional.of("refine time " + refineTime.getAsDouble())
        : Optional.empty();
  }

  public LatentChoice withSolver(Solver value) {
    return new LatentChoice(
        Optional.of(value), grid, churn, refineSteps, refineThreshold, refineTime);
  }

  public LatentChoice withGrid(TimeGrid value) {
    return new LatentChoice(
        solver, Optional.of(value), churn, refineSteps, refineThreshold, refineTime);
  }

  public LatentChoice withChurn(double value) {
    return new LatentChoice(
        solver, grid, OptionalDouble.of(value), refineSteps, refineThreshold, refineTime);
  }

  public LatentChoice withRefineSteps(int value) {
    return new LatentChoice(
        solver, grid, churn, OptionalInt.of(value), refineThreshold, refineTime);
  }

  public LatentChoice withRefineThreshold(double value) {
    return new LatentChoice(solver, grid, churn, refineSteps, OptionalDouble.of(value), refineTime);
  }

  public LatentChoice withRefineTime(double value) {
    return new LatentChoice(
        solver, grid, churn, refineSteps, refineThreshold, OptionalDouble.of(value));
  }
}
