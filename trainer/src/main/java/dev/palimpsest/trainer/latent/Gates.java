/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a VQ-VAE must reach before a denoiser is trained on its codes; measured on held-out text.
 *
 * @param tokens how many were measured
 * @param clean share of tokens that come back from their codes
 * @param noisy share of tokens that come back under noise of deviation {@value #SIGMA}
 * @param perplexity exponential of the entropy of each group's codes
 * @param dead codes of each group that no held-out token has
 * @param codes entries of a group's codebook
 */
record Gates(
    long tokens,
    double clean,
    double noisy,
    List<Double> perplexity,
    List<Integer> dead,
    int codes) {
  static final double SIGMA = 0.3;
  static final double CLEAN = 0.995;
  static final double NOISY = 0.99;

  /** What is not reached, in words; empty when all is. */
  List<String> failures() {
    List<String> failures = new ArrayList<>();
    if (clean < CLEAN) {
      failures.add(percent(clean) + " of clean tokens come back, " + percent(CLEAN) + " must");
    }
    if (noisy < NOISY) {
      failures.add(
          percent(noisy)
              + " of tokens come back at sigma "
              + SIGMA
              + ", "
              + percent(NOISY)
              + " must");
    }
    for (int g = 0; g < perplexity.size(); g++) {
      if (perplexity.get(g) < codes / 2.0) {
        failures.add(
            String.format(
                Locale.ROOT,
                "group %d has a code perplexity of %.0f, at least %d is wanted",
                g,
                perplexity.get(g),
                codes / 2));
      }
      if (dead.get(g) > 0) {
        failures.add("group " + g + " has " + dead.get(g) + " codes that nothing uses");
      }
    }
    return failures;
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f %%", 100 * share);
  }

  /** For the reader. */
  String text() {
    return String.format(
        Locale.ROOT,
        "clean %.3f %%, sigma %.1f %.3f %%, perplexity %s of %d, dead %s",
        100 * clean,
        SIGMA,
        100 * noisy,
        perplexity.stream().map(p -> String.format(Locale.ROOT, "%.0f", p)).toList(),
        codes,
        dead);
  }
}
