/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.SolverStep;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Solvers against their definitions in float64, and against an exact solution. */
class SolverTest {
  private static final double[][] STEPS = {
    {Double.NaN, 0, 0.25}, {0, 0.25, 0.5}, {0.1, 0.25, 0.3}, {0.5, 0.8, 0.95}, {0.7, 0.9, 1}
  };

  private static double apply(SolverStep step, double z, double x, double previous) {
    return step.latent() * z + step.estimate() * x + step.previous() * previous;
  }

  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void ddimMovesAlongTheNoiseItFinds(NoisePath path) {
    for (double[] t : STEPS) {
      double z = 0.7;
      double x = -0.4;
      double noise = (z - path.alpha(t[1]) * x) / path.sigma(t[1]);
      double expected = path.alpha(t[2]) * x + path.sigma(t[2]) * noise;
      SolverStep step = Solver.DDIM.step(path, t[0], t[1], t[2], 0);
      assertEquals(expected, apply(step, z, x, 99 * step.previous()), 1e-6);
      assertEquals(0, step.noise());
    }
  }

  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void eulerFollowsTheSlope(NoisePath path) {
    for (double[] t : STEPS) {
      double z = 0.7;
      double x = -0.4;
      double d = 1e-6;
      double noise = (z - path.alpha(t[1]) * x) / path.sigma(t[1]);
      double slope = (path.alpha(t[1] + d) * x + path.sigma(t[1] + d) * noise - z) / d;
      double expected = t[2] == 1 ? x : z + (t[2] - t[1]) * slope;
      assertEquals(expected, apply(Solver.EULER.step(path, t[0], t[1], t[2], 0), z, x, 0), 1e-5);
    }
    SolverStep linear = Solver.EULER.step(NoisePath.LINEAR, 0, 0.25, 0.5, 0);
    assertEquals(Solver.DDIM.step(NoisePath.LINEAR, 0, 0.25, 0.5, 0), linear);
  }

  /** Algorithm 2 of Lu et al., 2022, with data prediction, in their letters. */
  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void dpmSolverIsOfSecondOrder(NoisePath path) {
    double[] t = {0.3, 0.45, 0.7};
    double lambda0 = Math.log(path.alpha(t[0]) / path.sigma(t[0]));
    double lambda1 = Math.log(path.alpha(t[1]) / path.sigma(t[1]));
    double lambda2 = Math.log(path.alpha(t[2]) / path.sigma(t[2]));
    double h = lambda2 - lambda1;
    double r = (lambda1 - lambda0) / h;
    double z = 0.7;
    double x = -0.4;
    double previous = 0.9;
    double d = (1 + 1 / (2 * r)) * x - 1 / (2 * r) * previous;
    double expected =
        path.sigma(t[2]) / path.sigma(t[1]) * z - path.alpha(t[2]) * Math.expm1(-h) * d;
    SolverStep step = Solver.DPM_SOLVER_2M.step(path, t[0], t[1], t[2], 0);
    assertEquals(expected, apply(step, z, x, previous), 1e-6);
    for (double first : new double[] {Double.NaN, 0}) {
      assertEquals(
          Solver.DDIM.step(path, first, 0.25, 0.5, 0),
          Solver.DPM_SOLVER_2M.step(path, first, 0.25, 0.5, 0));
    }
  }

  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void churnKeepsTheNoiseLevelAndIsAncestralAtOne(NoisePath path) {
    for (Solver solver : List.of(Solver.DDIM, Solver.DPM_SOLVER_2M)) {
      for (double[] t : STEPS) {
        for (double churn : new double[] {0.3, 1}) {
          SolverStep step = solver.step(path, t[0], t[1], t[2], churn);
          double left = step.latent() * path.sigma(t[1]);
          assertEquals(
              Math.pow(path.sigma(t[2]), 2), left * left + Math.pow(step.noise(), 2), 1e-6);
          double clean = step.latent() * path.alpha(t[1]) + step.estimate() + step.previous();
          assertEquals(path.alpha(t[2]), clean, 1e-6);
        }
      }
    }
    // Posterior variance of the forward process (Ho et al., 2020, equation 7).
    double[] t = {0.4, 0.6};
    double ratio = path.alpha(t[0]) / path.alpha(t[1]);
    double forward = Math.pow(path.sigma(t[0]), 2) - Math.pow(ratio * path.sigma(t[1]), 2);
    double posterior = forward * Math.pow(path.sigma(t[1]) / path.sigma(t[0]), 2);
    SolverStep step = Solver.DDIM.step(path, Double.NaN, t[0], t[1], 1);
    assertEquals(posterior, Math.pow(step.noise(), 2), 1e-6);
  }

  /**
   * Data of deviation s around 0: the best estimate is {@code α·s²·z / (α²s² + σ²)}, and the exact
   * flow scales the noise at t = 0 to {@code s·z}.
   */
  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void moreStepsComeCloserAndTheSecondOrderIsCloserStill(NoisePath path) {
    double[] errors = new double[Solver.values().length];
    for (Solver solver : Solver.values()) {
      double few = error(path, solver, 8);
      double many = error(path, solver, 64);
      assertTrue(many < few / 4, solver + ": " + few + " then " + many);
      errors[solver.ordinal()] = many;
    }
    assertTrue(
        errors[Solver.DPM_SOLVER_2M.ordinal()] < errors[Solver.DDIM.ordinal()] / 2,
        List.of(errors[0], errors[1], errors[2]).toString());
  }

  private static double error(NoisePath path, Solver solver, int steps) {
    double s = 0.5;
    double z = 1;
    double estimate = 0;
    double[] times = TimeGrid.UNIFORM.times(steps, LatentDefaults.USUAL);
    for (int i = 0; i < steps; i++) {
      double a = path.alpha(times[i]);
      double v = path.sigma(times[i]);
      double x = a * s * s * z / (a * a * s * s + v * v);
      double next = i + 1 < steps ? times[i + 1] : 1;
      double before = i == 0 ? Double.NaN : times[i - 1];
      z = apply(solver.step(path, before, times[i], next, 0), z, x, estimate);
      estimate = x;
    }
    return Math.abs(z - s);
  }

  @Test
  void grids() {
    LatentDefaults defaults =
        new LatentDefaults(
            4,
            List.of(0.0, 0.2, 0.5, 0.8),
            Solver.DDIM,
            1,
            0,
            0,
            0,
            0.5,
            0.5,
            List.of(0.0, 0.6, 1.0));
    assertArrayEquals(
        new double[] {0, 0.2, 0.5, 0.8}, TimeGrid.RECOMMENDED.times(4, defaults), 1e-12);
    assertArrayEquals(new double[] {0, 0.5}, TimeGrid.RECOMMENDED.times(2, defaults), 1e-12);
    assertArrayEquals(
        new double[] {0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9},
        TimeGrid.RECOMMENDED.times(8, defaults),
        1e-12);
    assertArrayEquals(
        new double[] {0, 0.25, 0.5, 0.75}, TimeGrid.UNIFORM.times(4, defaults), 1e-12);
    assertArrayEquals(
        new double[] {0, 0.3, 0.6, 0.6 + 0.399 / 2}, TimeGrid.QUANTILES.times(4, defaults), 1e-12);
    assertTrue(
        assertThrows(
                IllegalArgumentException.class,
                () -> TimeGrid.QUANTILES.times(4, LatentDefaults.USUAL))
            .getMessage()
            .contains("sampling.quantiles"));
  }

  @Test
  void whatDoesNotGoTogetherIsRefused() {
    for (Object[] wrong :
        new Object[][] {
          {0, 1f, 0f, "steps must be between 1 and 65536"},
          {65537, 1f, 0f, "found 65537"},
          {4, -1f, 0f, "temperature"},
          {4, 1f, 2f, "churn"}
        }) {
      assertTrue(
          assertThrows(
                  IllegalArgumentException.class,
                  () ->
                      new LatentOptions(
                          (int) wrong[0],
                          TimeGrid.UNIFORM,
                          Solver.DDIM,
                          (float) wrong[1],
                          0,
                          (float) wrong[2],
                          0,
                          0.5,
                          0.5,
                          0,
                          false,
                          false,
                          0))
              .getMessage()
              .contains((String) wrong[3]));
    }
    assertTrue(
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    new LatentOptions(
                        4,
                        TimeGrid.UNIFORM,
                        Solver.EULER,
                        1,
                        0,
                        0.5f,
                        0,
                        0.5,
                        0.5,
                        0,
                        false,
                        false,
                        0))
            .getMessage()
            .contains("solver euler has no use for churn"));
  }
}
