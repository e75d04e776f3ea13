/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/** The codes of a product quantiser on one device. Made by {@link Device#codebook}. */
public interface Codebook {
  /** Codes of which each latent holds one, side by side. */
  int groups();

  /** Codes to choose from in each group. */
  int codes();

  /** Elements of one code. */
  int groupWidth();

  /** Elements of a latent: {@code groups · groupWidth}. */
  default int width() {
    return groups() * groupWidth();
  }

  /** Elements of a row of logits: one for each code of each group, and one for being right. */
  default int logits() {
    return groups() * codes() + 1;
  }
}
