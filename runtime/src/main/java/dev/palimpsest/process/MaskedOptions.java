/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.Sampling;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * How masked diffusion decodes one request.
 *
 * @param algorithm which positions a step commits
 * @param steps denoising steps over the whole request, at least one for each block; ignored by
 *     {@link Algorithm#THRESHOLD}
 * @param blockLength new tokens are written in blocks of this many, left to right; 0 means one
 *     block. The steps are divided evenly over the blocks, the first ones taking what is left over.
 *     Only for algorithms that know blocks (LLaDA's and threshold)
 * @param threshold confidence from which {@link Algorithm#THRESHOLD} commits, 0 to 1
 * @param algorithmTemperature 0 commits the best positions; otherwise positions are drawn ∝
 *     softmax(confidence / this). Only for {@link Algorithm#MASKGIT_PLUS}, {@link Algorithm#MARGIN}
 *     and {@link Algorithm#ENTROPY}
 * @param sampling temperature, top-k, top-p and where confidence is read (see {@link
 *     Algorithm#confidenceOn})
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
    THRESHOLD;

    /** Which distribution the published decoder of this rule reads its confidence from. */
    public Sampling.Distribution confidenceOn() {
      return switch (this) {
        case LOW_CONFIDENCE, RANDOM, THRESHOLD -> Sampling.Distribution.RAW;
        case ORIGIN, MASKGIT_PLUS, MARGIN, ENTROPY -> Sampling.Distribution.FILTERED;
      };
    }

    /** Whether this rule can write in blocks. */
    public boolean knowsBlocks() {
      return switch (this) {
        case LOW_CONFIDENCE, RANDOM, THRESHOLD -> true;
        case ORIGIN, MASKGIT_PLUS, MARGIN, ENTROPY -> false;
      };
    }

    /** Whether this rule takes a given number of steps, and not as many as it needs. */
    public boolean countsSteps() {
      return this != THRESHOLD;
    }

    /** Whether {@link MaskedOptions#algorithmTemperature} means anything to this rule. */
    public boolean drawsPositions() {
      return switch (this) {
        case MASKGIT_PLUS, MARGIN, ENTROPY -> true;
        case LOW_CONFIDENCE, RANDOM, ORIGIN, THRESHOLD -> false;
      };
    }

    /** The name as users write it, e.g. {@code low-confidence}. */
    public String spelling() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * The algorithm of that {@link #spelling}.
     *
     * @throws IllegalArgumentException listing the choices
     */
    public static Algorithm parse(String spelling) {
      for (Algorithm algorithm : values()) {
        if (algorithm.spelling().equals(spelling)) {
          return algorithm;
        }
      }
      throw new IllegalArgumentException(
          "unknown algorithm \""
              + spelling
              + "\": choose one of "
              + Arrays.stream(values()).map(Algorithm::spelling).collect(Collectors.joining(", ")));
    }

    private static String spellings(java.util.function.Predicate<Algorithm> which) {
      return Arrays.stream(values())
          .filter(which)
          .map(Algorithm::spelling)
          .collect(Collectors.joining(", "));
    }
  }

  /**
   * Sends committed tokens that the model has come to doubt back to MASK. A token is doubted when
   * the model, seeing it in its place, gives it less than {@code below}; the least sure go first.
   * Tokens are doubted within the block being written and never in a step that has no step after
   * it, so the text is always finished.
   *
   * @param below probability under which a committed token is doubted, 0 to 1; 0 switches remasking
   *     off
   * @param budget most tokens remasked over the whole request
   */
  public record Remask(double below, int budget) {
    public static final Remask OFF = new Remask(0, 0);

    public Remask {
      if (!(below >= 0 && below <= 1)) {
        throw new IllegalArgumentException(
            "the probability to remask below must be between 0 (off) and 1; found " + below);
      }
      if (budget < 0) {
        throw new IllegalArgumentException("the remask budget must be >= 0; found " + budget);
      }
    }

    /** Whether anything can ever be remasked. */
    public boolean on() {
      return below > 0 && budget > 0;
    }
  }

  public MaskedOptions {
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(remask, "remask");
    if (algorithm.countsSteps() && steps < 1) {
      throw new IllegalArgumentException("steps must be at least 1; found " + steps);
    }
    if (blockLength < 0) {
      throw new IllegalArgumentException(
          "block length must be 0 (one block) or positive; found " + blockLength);
    }
    if (blockLength > 0 && !algorithm.knowsBlocks()) {
      throw new IllegalArgumentException(
          "algorithm %s writes everything as one block and found block length %d: set it to 0, or choose one of %s"
              .formatted(
                  algorithm.spelling(), blockLength, Algorithm.spellings(Algorithm::knowsBlocks)));
    }
    if (!(threshold >= 0 && threshold <= 1)) {
      throw new IllegalArgumentException("threshold must be between 0 and 1; found " + threshold);
    }
    if (!(algorithmTemperature >= 0 && algorithmTemperature < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "algorithm temperature must be >= 0 and finite; found " + algorithmTemperature);
    }
    if (algorithmTemperature > 0 && !algorithm.drawsPositions()) {
      throw new IllegalArgumentException(
          "algorithm %s has no use for an algorithm temperature and found %s: set it to 0, or choose one of %s"
              .formatted(
                  algorithm.spelling(),
                  algorithmTemperature,
                  Algorithm.spellings(Algorithm::drawsPositions)));
    }
    if (!(guidance >= 0 && guidance < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("guidance must be >= 0 and finite; found " + guidance);
    }
  }

  /** The largest logits in one block, nothing random, nothing taken back. */
  public static MaskedOptions greedy(Algorithm algorithm, int steps) {
    Sampling sampling = new Sampling(0f, 0, 1f, algorithm.confidenceOn());
    return new MaskedOptions(algorithm, steps, 0, 0.9, 0, sampling, 0f, Remask.OFF, false, 0L);
  }

  public MaskedOptions withBlockLength(int value) {
    return new MaskedOptions(
        algorithm,
        steps,
        value,
        threshold,
        algorithmTemperature,
        sampling,
        guidance,
        remask,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withThreshold(double value) {
    return new MaskedOptions(
        algorithm,
        steps,
        blockLength,
        value,
        algorithmTemperature,
        sampling,
        guidance,
        remask,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withAlgorithmTemperature(double value) {
    return new MaskedOptions(
        algorithm,
        steps,
        blockLength,
        threshold,
        value,
        sampling,
        guidance,
        remask,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withRemask(Remask value) {
    return new MaskedOptions(
        algorithm,
        steps,
        blockLength,
        threshold,
        algorithmTemperature,
        sampling,
        guidance,
        value,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withStopAtEnd(boolean value) {
    return new MaskedOptions(
        algorithm,
        steps,
        blockLength,
        threshold,
        algorithmTemperature,
        sampling,
        guidance,
        remask,
        value,
        seed);
  }

  public MaskedOptions withSeed(long value) {
    return new MaskedOptions(
        algorithm,
        steps,
        blockLength,
        threshold,
        algorithmTemperature,
        sampling,
        guidance,
        remask,
        stopAtEnd,
        value);
  }
}
