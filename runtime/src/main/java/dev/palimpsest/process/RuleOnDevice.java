/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.MaskedBlock.Rule;
import dev.palimpsest.kernels.MaskedBlock.Schedule;

/**
 * A commit rule in the words of a device.
 *
 * @param bound what is sure enough; the higher one of the hierarchical rule
 * @param low the lower one
 * @param tokensPerStep of {@link Schedule#FIXED_COUNT}
 */
record RuleOnDevice(Rule rule, double bound, double low, Schedule schedule, int tokensPerStep) {
  /** Whether a device can decode by these options: it does not correct, guide or draw positions. */
  static boolean knows(MaskedOptions options) {
    return options.correction() instanceof Correction.None
        && options.guidance() == 0
        && options.algorithmTemperature() == 0;
  }

  static RuleOnDevice of(MaskedOptions options) {
    Bounds bounds = options.bounds();
    double high =
        switch (options.algorithm()) {
          case THRESHOLD, MARGIN_THRESHOLD, HIERARCHICAL -> bounds.of(Bound.THRESHOLD);
          case FACTOR -> bounds.of(Bound.FACTOR);
          case ENTROPY_BOUNDED -> bounds.of(Bound.ENTROPY_BOUND);
          case LOW_CONFIDENCE, RANDOM, ORIGIN, MASKGIT_PLUS, MARGIN, ENTROPY -> 0;
        };
    Rule rule =
        switch (options.algorithm()) {
          case LOW_CONFIDENCE, MASKGIT_PLUS -> Rule.CONFIDENCE;
          case RANDOM -> Rule.RANDOM;
          case ORIGIN -> Rule.ORIGIN;
          case MARGIN -> Rule.MARGIN;
          case ENTROPY -> Rule.ENTROPY;
          case THRESHOLD -> Rule.THRESHOLD;
          case FACTOR -> Rule.FACTOR;
          case ENTROPY_BOUNDED -> Rule.ENTROPY_BOUNDED;
          case MARGIN_THRESHOLD -> Rule.MARGIN_THRESHOLD;
          case HIERARCHICAL -> Rule.HIERARCHICAL;
        };
    double low = rule == Rule.HIERARCHICAL ? bounds.of(Bound.LOW_THRESHOLD) : 0;
    if (options.pace() instanceof Pace.TokensPerStep(int tokens)) {
      return new RuleOnDevice(rule, high, low, Schedule.FIXED_COUNT, tokens);
    }
    Schedule schedule =
        switch (options.algorithm()) {
          case MASKGIT_PLUS, MARGIN, ENTROPY, ORIGIN -> Schedule.LINEAR_TIME;
          default -> Schedule.EVEN_SPLIT;
        };
    return new RuleOnDevice(rule, high, low, schedule, 0);
  }
}
