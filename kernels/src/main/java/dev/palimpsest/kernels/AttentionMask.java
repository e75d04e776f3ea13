/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * Who sees whom within one sequence.
 *
 * @param blockLength 0: every position sees every other (bidirectional). n &gt; 0: a position sees
 *     all of its own block of n and all earlier blocks, blocks tiling from position 0 (1 is
 *     ordinary causal attention).
 */
public record AttentionMask(int blockLength) {
  public static final AttentionMask FULL = new AttentionMask(0);

  /** Every position sees itself and those before it. */
  public static final AttentionMask CAUSAL = new AttentionMask(1);

  public AttentionMask {
    if (blockLength < 0) {
      throw new IllegalArgumentException(
          "block length must be 0 (full attention) or positive; found " + blockLength);
    }
  }
}
