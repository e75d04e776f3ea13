/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.Sampling;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * How masked diffusion decodes one request. What an algorithm has no use for is an error, not
 * ignored.
 *
 * @param algorithm which positions a step commits
 * @param pace how many steps it takes: a given number for algorithms that {@link
 *     Algorithm#countsSteps}, {@link Pace.AsNeeded} for the others
 * @param blockLength new tokens are written in blocks of this many, left to right; 0 means one
 *     block. Only for algorithms that {@link Algorithm#knowsBlocks}
 * @param bounds what is sure enough, for algorithms that take as many steps as they need; each
 *     {@linkplain Algorithm#bounds has its own}
 * @param algorithmTemperature 0 commits the best positions; otherwise positions are drawn ∝
 *     softmax(confidence / this). Only for algorithms that {@link Algorithm#drawsPositions}
 * @param sampling temperature, top-k, top-p and where confidence is read (see {@link
 *     Algorithm#confidenceOn})
 * @param guidance classifier-free guidance scale; 0 for none
 * @param correction what becomes of committed tokens that turn out wrong
 * @param stopAtEnd finish as soon as everything before an end-of-text token is committed; what
 *     follows it becomes end-of-text
 * @param seed of all noise
 */
public record MaskedOptions(
    Algorithm algorithm,
    Pace pace,
    int blockLength,
    Bounds bounds,
    double algorithmTemperature,
    Sampling sampling,
    float guidance,
    Correction correction,
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
    THRESHOLD(Bound.THRESHOLD),
    /** Fast-dLLM: from the surest down, as long as the n-th is at least 1 − f/(n + 1) sure. */
    FACTOR(Bound.FACTOR),
    /** SDAR's JetEngine: from the lowest entropy up, as long as their sum stays within a bound. */
    ENTROPY_BOUNDED(Bound.ENTROPY_BOUND),
    /** All positions of the block whose top-1 minus top-2 is at least this wide. */
    MARGIN_THRESHOLD(Bound.THRESHOLD),
    /** dInfer: the surest of each run of masks, and all positions at least this sure. */
    HIERARCHICAL(Bound.THRESHOLD, Bound.LOW_THRESHOLD);

    private final Set<Bound> bounds;

    Algorithm(Bound... bounds) {
      this.bounds = Set.of(bounds);
    }

    /** Which distribution the published decoder of this rule reads its confidence from. */
    public Sampling.Distribution confidenceOn() {
      return switch (this) {
        case ORIGIN, MASKGIT_PLUS, MARGIN, ENTROPY -> Sampling.Distribution.FILTERED;
        default -> Sampling.Distribution.RAW;
      };
    }

    /** Whether this rule can write in blocks. */
    public boolean knowsBlocks() {
      return switch (this) {
        case ORIGIN, MASKGIT_PLUS, MARGIN, ENTROPY -> false;
        default -> true;
      };
    }

    /** Whether this rule takes a given number of steps, and not as many as it needs. */
    public boolean countsSteps() {
      return bounds.isEmpty();
    }

    /** What tells this rule how sure is sure enough; empty if it {@link #countsSteps}. */
    public Set<Bound> bounds() {
      return bounds;
    }

    /** Whether {@link MaskedOptions#algorithmTemperature} means anything to this rule. */
    public boolean drawsPositions() {
      return switch (this) {
        case MASKGIT_PLUS, MARGIN, ENTROPY -> true;
        default -> false;
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
          "unknown algorithm \"" + spelling + "\": choose one of " + spellings(any -> true));
    }

    private static String spellings(Predicate<Algorithm> which) {
      return Arrays.stream(values())
          .filter(which)
          .map(Algorithm::spelling)
          .collect(Collectors.joining(", "));
    }
  }

  public MaskedOptions {
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(correction, "correction");
    checkPace(algorithm, pace);
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
    checkBounds(algorithm, bounds);
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

  private static void checkPace(Algorithm algorithm, Pace pace) {
    switch (pace) {
      case Pace.Steps(int total) when !algorithm.countsSteps() ->
          throw new IllegalArgumentException(
              "algorithm %s takes as many steps as it needs and found %d steps: leave them out, give max steps per block, or choose one of %s"
                  .formatted(
                      algorithm.spelling(), total, Algorithm.spellings(Algorithm::countsSteps)));
      case Pace.TokensPerStep(int tokens) when !algorithm.countsSteps() ->
          throw new IllegalArgumentException(
              "algorithm %s decides by itself how many tokens a step commits and found %d tokens per step: leave them out, or choose one of %s"
                  .formatted(
                      algorithm.spelling(), tokens, Algorithm.spellings(MaskedOptions::ranks)));
      case Pace.TokensPerStep(int tokens) when !ranks(algorithm) ->
          throw new IllegalArgumentException(
              "algorithm %s draws every position by itself and found %d tokens per step: give steps, or choose one of %s"
                  .formatted(
                      algorithm.spelling(), tokens, Algorithm.spellings(MaskedOptions::ranks)));
      case Pace.AsNeeded(int maxPerBlock) when algorithm.countsSteps() ->
          throw new IllegalArgumentException(
              "algorithm %s takes a given number of steps%s: give that number, or choose one of %s"
                  .formatted(
                      algorithm.spelling(),
                      maxPerBlock == Integer.MAX_VALUE
                          ? ""
                          : " and found max steps per block " + maxPerBlock,
                      Algorithm.spellings(other -> !other.countsSteps())));
      case Pace.Steps _, Pace.TokensPerStep _, Pace.AsNeeded _ -> {}
    }
  }

  /** Whether the algorithm ranks positions, so that any number of them may be taken. */
  private static boolean ranks(Algorithm algorithm) {
    return algorithm.countsSteps() && algorithm != Algorithm.ORIGIN;
  }

  private static void checkBounds(Algorithm algorithm, Bounds bounds) {
    for (Bound bound : Bound.values()) {
      if (bounds.names(bound) && !algorithm.bounds().contains(bound)) {
        throw new IllegalArgumentException(
            "algorithm %s has no use for %s %s: leave it out, or choose one of %s"
                .formatted(
                    algorithm.spelling(),
                    bound.spelling(),
                    bounds.of(bound),
                    Algorithm.spellings(other -> other.bounds().contains(bound))));
      }
    }
    if (algorithm == Algorithm.HIERARCHICAL
        && bounds.of(Bound.LOW_THRESHOLD) > bounds.of(Bound.THRESHOLD)) {
      throw new IllegalArgumentException(
          "low threshold must not be above the threshold; found %s and %s"
              .formatted(bounds.of(Bound.LOW_THRESHOLD), bounds.of(Bound.THRESHOLD)));
    }
  }

  /** The largest logits in one block, nothing random, nothing corrected. */
  public static MaskedOptions greedy(Algorithm algorithm, Pace pace) {
    Sampling sampling = new Sampling(0f, 0, 1f, algorithm.confidenceOn());
    return new MaskedOptions(
        algorithm, pace, 0, Bounds.USUAL, 0, sampling, 0f, Correction.NONE, false, 0L);
  }

  /** That, for an algorithm that counts steps. */
  public static MaskedOptions greedy(Algorithm algorithm, int steps) {
    return greedy(algorithm, new Pace.Steps(steps));
  }

  /** That, for an algorithm that takes as many steps as it needs. */
  public static MaskedOptions greedy(Algorithm algorithm) {
    return greedy(algorithm, Pace.AsNeeded.UNLIMITED);
  }

  MaskedOptions withPace(Pace value) {
    return new MaskedOptions(
        algorithm,
        value,
        blockLength,
        bounds,
        algorithmTemperature,
        sampling,
        guidance,
        correction,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withBlockLength(int value) {
    return new MaskedOptions(
        algorithm,
        pace,
        value,
        bounds,
        algorithmTemperature,
        sampling,
        guidance,
        correction,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withBound(Bound bound, double value) {
    return new MaskedOptions(
        algorithm,
        pace,
        blockLength,
        bounds.with(bound, value),
        algorithmTemperature,
        sampling,
        guidance,
        correction,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withAlgorithmTemperature(double value) {
    return new MaskedOptions(
        algorithm,
        pace,
        blockLength,
        bounds,
        value,
        sampling,
        guidance,
        correction,
        stopAtEnd,
        seed);
  }

  public MaskedOptions withCorrection(Correction value) {
    return new MaskedOptions(
        algorithm,
        pace,
        blockLength,
        bounds,
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
        pace,
        blockLength,
        bounds,
        algorithmTemperature,
        sampling,
        guidance,
        correction,
        value,
        seed);
  }

  public MaskedOptions withSeed(long value) {
    return new MaskedOptions(
        algorithm,
        pace,
        blockLength,
        bounds,
        algorithmTemperature,
        sampling,
        guidance,
        correction,
        stopAtEnd,
        value);
  }
}
