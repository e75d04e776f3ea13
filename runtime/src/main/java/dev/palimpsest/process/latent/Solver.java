/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import dev.palimpsest.kernels.SolverStep;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How a latent is brought from one time to the next, given an estimate of the clean one. The last
 * step, to t = 1, is the estimate itself whatever the solver.
 *
 * <p><b>Churn</b> c from 0 to 1 adds fresh noise of deviation {@code n = c·σ_s·√(1 − e^(−2h))}, h
 * being the step in λ = ln(α/σ), and takes as much of the old away: 1 is ancestral sampling.
 */
public enum Solver {
  /** Euler's method on dz/dt; on the linear path the same as {@link #DDIM}. */
  EULER("euler"),
  /** Song et al., "Denoising diffusion implicit models", 2021. */
  DDIM("ddim"),
  /** DPM-Solver++(2M) of Lu et al., 2022: second order, from this estimate and the one before. */
  DPM_SOLVER_2M("dpm++2m");

  private final String spelling;

  Solver(String spelling) {
    this.spelling = spelling;
  }

  /** As configurations and command lines write it. */
  public String spelling() {
    return spelling;
  }

  /** The solver spelled so. */
  public static Optional<Solver> spelled(String text) {
    return Arrays.stream(values()).filter(s -> s.spelling.equals(text)).findFirst();
  }

  /** All spellings, for messages. */
  public static String spellings() {
    return Arrays.stream(values()).map(Solver::spelling).collect(Collectors.joining(", "));
  }

  /**
   * The coefficients of one step.
   *
   * @param previous time of the call before, NaN for the first one
   * @param now time of this call
   * @param next time to go to
   * @param churn 0 for none; must be 0 for {@link #EULER}
   */
  public SolverStep step(NoisePath path, double previous, double now, double next, double churn) {
    if (next == 1) {
      return new SolverStep(0, 1, 0, 0);
    }
    double alpha = path.alpha(now);
    double sigma = path.sigma(now);
    if (this == EULER) {
      double h = next - now;
      double latent = 1 + h * path.sigmaRate(now) / sigma;
      double estimate = h * (path.alphaRate(now) - path.sigmaRate(now) * alpha / sigma);
      return new SolverStep((float) latent, (float) estimate, 0, 0);
    }
    double nextAlpha = path.alpha(next);
    double nextSigma = path.sigma(next);
    double decay = alpha * nextSigma / (nextAlpha * sigma);
    double noise = churn * nextSigma * Math.sqrt(Math.max(0, 1 - decay * decay));
    double latent = Math.sqrt(nextSigma * nextSigma - noise * noise) / sigma;
    double estimate = nextAlpha - alpha * latent;
    double extrapolation = this == DPM_SOLVER_2M ? extrapolation(path, previous, now, next) : 0;
    return new SolverStep(
        (float) latent,
        (float) (estimate * (1 + extrapolation)),
        (float) (0 - estimate * extrapolation),
        (float) noise);
  }

  /** {@code 1/(2r)}, r the previous step in λ over this one; 0 if there was none, or from t = 0. */
  private static double extrapolation(NoisePath path, double previous, double now, double next) {
    if (Double.isNaN(previous) || path.alpha(previous) == 0) {
      return 0;
    }
    double step = path.logRatio(next) - path.logRatio(now);
    double before = path.logRatio(now) - path.logRatio(previous);
    return step / (2 * before);
  }
}
