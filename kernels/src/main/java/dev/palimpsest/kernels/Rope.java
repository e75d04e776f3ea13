/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * Rotary position embedding (Su et al., RoFormer, 2021).
 *
 * @param theta base of the frequencies
 * @param dims leading elements of each head that turn, even; the rest pass through ("partial" when
 *     less than the head)
 * @param pairing which elements form a pair
 */
public record Rope(double theta, int dims, Pairing pairing) {
  /** Which two elements of a head turn together. */
  public enum Pairing {
    /** {@code (i, i + dims/2)}: GPT-NeoX, Hugging Face. */
    HALF_SPLIT,
    /** {@code (2i, 2i + 1)}: the original paper; GGUF files of architecture {@code llada}. */
    INTERLEAVED
  }

  public Rope {
    if (!(theta > 0) || dims < 0 || dims % 2 != 0) {
      throw new IllegalArgumentException(
          "RoPE wants theta > 0 and an even number of dims; found theta="
              + theta
              + " dims="
              + dims);
    }
  }
}
