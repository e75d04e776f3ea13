/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

/**
 * How a latent turns into noise: {@code z_t = α(t)·x + σ(t)·ε}, t = 0 pure noise and t = 1 clean.
 */
public enum NoisePath {
  /** α = t, σ = 1 − t: flow matching (Lipman et al., 2023), rectified flow (Liu et al., 2023). */
  LINEAR {
    @Override
    public double alpha(double t) {
      return t;
    }

    @Override
    public double sigma(double t) {
      return 1 - t;
    }

    @Override
    double alphaRate(double t) {
      return 1;
    }

    @Override
    double sigmaRate(double t) {
      return -1;
    }
  },
  /** α = sin(πt/2), σ = cos(πt/2): variance preserving (Nichol and Dhariwal, 2021). */
  COSINE {
    @Override
    public double alpha(double t) {
      return Math.sin(Math.PI / 2 * t);
    }

    @Override
    public double sigma(double t) {
      return t == 1 ? 0 : Math.cos(Math.PI / 2 * t);
    }

    @Override
    double alphaRate(double t) {
      return Math.PI / 2 * Math.cos(Math.PI / 2 * t);
    }

    @Override
    double sigmaRate(double t) {
      return -Math.PI / 2 * Math.sin(Math.PI / 2 * t);
    }
  };

  /** Factor of the clean latent. */
  public abstract double alpha(double t);

  /** Factor of the noise. */
  public abstract double sigma(double t);

  /** dα/dt. */
  abstract double alphaRate(double t);

  /** dσ/dt. */
  abstract double sigmaRate(double t);

  /** λ = ln(α/σ), −∞ at t = 0 and ∞ at t = 1. */
  double logRatio(double t) {
    return Math.log(alpha(t) / sigma(t));
  }
}
