/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Locale;

/** How a latent becomes noise: {@code z = alpha(t) · x + sigma(t) · noise}, t = 1 clean. */
enum LatentPath {
  LINEAR {
    @Override
    double alpha(double t) {
      return t;
    }

    @Override
    double sigma(double t) {
      return 1 - t;
    }

    @Override
    double timeOf(double logSnr) {
      return 1 / (1 + Math.exp(-logSnr));
    }
  },

  COSINE {
    @Override
    double alpha(double t) {
      return Math.sin(Math.PI * t / 2);
    }

    @Override
    double sigma(double t) {
      return Math.cos(Math.PI * t / 2);
    }

    @Override
    double timeOf(double logSnr) {
      return 2 / Math.PI * Math.atan(Math.exp(logSnr));
    }
  };

  /** What is left of the latent. */
  abstract double alpha(double t);

  /** Deviation of the noise. */
  abstract double sigma(double t);

  /** The time at which {@code ln(alpha / sigma)} has a value. */
  abstract double timeOf(double logSnr);

  /**
   * By what an error of the predicted latent grows in the velocity: on the linear path the velocity
   * is {@code x - noise}, on the cosine one {@code alpha · noise - sigma · x} (v-prediction).
   */
  double velocityGain(double t) {
    return 1 / sigma(t);
  }

  /** {@code ln(alpha / sigma)}. */
  double logSnr(double t) {
    return Math.log(alpha(t) / sigma(t));
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
