/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.Sampling;

/**
 * How masked diffusion decodes one request.
 *
 * @param algorithm which positions a step commits
 * @param steps denoising steps over the whole request; ignored by {@link Algorithm#THRESHOLD}
 * @param blockLength new tokens are written in blocks of this many, left to right; 0 means one
 *     block. The steps are divided evenly over the blocks. Only for algorithms that know blocks
 *     (LLaDA's and threshold)
 * @param threshold confidence from which {@link Algorithm#THRESHOLD} commits
 * @param algorithmTemperature 0 commits the best positions; otherwise positions are drawn ∝
 *     softmax(confidence / this)
 * @param sampling temperature, top-k, top-p and where confidence is read
 * @param guidance classifier-free guidance scale; 0 for none
 * @param remask self-correction
 * @param stopAtEnd finish as soon as everything before an end-of-text token is committed; what
 *     follows it becomes end-of-text
 * @param seed of all noise
 */
public record MaskedOptions(
    Algorithm algorithm,
    int steps,
    int blockLength,
    double threshold,
    double algorithmTemperature,
    Sampling sampling,
    float guidance,
    Remask remask,
    boolean stopAtEnd,
    long seed) {

  /** Commit rules; the command line spells them in lower case with dashes. */
  public enum Algorithm {
    /** LLaDA: the surest positions by probability, an even share of the block's masks each step. */
    LOW_CONFIDENCE,
    /** LLaDA: random positions, an even share each step. */
    RANDOM,
    /** Dream: each masked position with probability 1 − s/t. */
    ORIGIN,
    /** Dream: surest by probability on the schedule 1 − s/t. */
    MASKGIT_PLUS,
    /** Dream: surest by top-1 minus top-2. */
    MARGIN,
    /** Dream: surest by negative entropy. */
    ENTROPY,
    /** Fast-dLLM: all positions of the block at least this sure, always the surest one. */
    THRESHOLD
  }

  /**
   * Sends committed tokens whose confidence has dropped back to MASK.
   *
   * @param below confidence under which a committed token is doubted; 0 switches remasking off
   * @param budget most tokens remasked over the whole request
   */
  public record Remask(double below, int budget) {
    public static final Remask OFF = new Remask(0, 0);
  }
}
