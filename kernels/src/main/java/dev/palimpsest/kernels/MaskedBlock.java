/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.BitSet;

/**
 * A block of a canvas that masked diffusion writes, as a device needs it to take its steps without
 * the host: by which rule masks become tokens, how far the block is, and when the text has ended.
 *
 * @param seed of the request's noise
 * @param bound of the rule; the higher one of the hierarchical rule
 * @param low the lower one
 * @param tokensPerStep of {@link Schedule#FIXED_COUNT}
 * @param maskToken id of MASK
 * @param leftover how many of the masks to write, the first ones, are left over from blocks before
 * @param step steps of the request so far
 * @param blockStep steps of the block so far
 * @param blockSteps steps of the block in all
 * @param scheduled masks that the remaining steps are still to choose
 * @param given positions that never change; not copied
 * @param tail position from which on the canvas is written without a gap; its length if it ends
 *     with given text
 * @param endTokens one of these in the tail ends the text once nothing before it is masked; none if
 *     nothing does. Not copied
 */
public record MaskedBlock(
    long seed,
    Rule rule,
    double bound,
    double low,
    Schedule schedule,
    int tokensPerStep,
    int maskToken,
    int leftover,
    int step,
    int blockStep,
    int blockSteps,
    int scheduled,
    BitSet given,
    int tail,
    int[] endTokens) {
  /** What candidates are ranked or accepted by, in the order of {@code commit.cu}. */
  public enum Rule {
    CONFIDENCE,
    MARGIN,
    ENTROPY,
    RANDOM,
    ORIGIN,
    THRESHOLD,
    MARGIN_THRESHOLD,
    FACTOR,
    ENTROPY_BOUNDED,
    HIERARCHICAL
  }

  /** How many a ranked rule takes in a step, in the order of {@code commit.cu}. */
  public enum Schedule {
    EVEN_SPLIT,
    LINEAR_TIME,
    FIXED_COUNT
  }
}
