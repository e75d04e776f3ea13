/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/** Which of the masked positions a step commits. Stateless; all state is in the arguments. */
sealed interface CommitRule permits RankedRule, Origin, AdaptiveRule {

  /**
   * Marks what the step commits.
   *
   * @param candidates the masked positions and what is predicted for them
   * @param chosen empty; gets the indices of the candidates chosen
   */
  void choose(Candidates candidates, Moment moment, BitSet chosen);

  /** The rule that {@code options} name. */
  static CommitRule of(MaskedOptions options) {
    double temperature = options.algorithmTemperature();
    ScheduledChoice evenly = new ScheduledChoice(schedule(options, new EvenSplit()), temperature);
    ScheduledChoice timed = new ScheduledChoice(schedule(options, new LinearTime()), temperature);
    Bounds bounds = options.bounds();
    return switch (options.algorithm()) {
      case LOW_CONFIDENCE -> new LowConfidence(evenly);
      case RANDOM -> new RandomOrder(evenly);
      case ORIGIN -> new Origin();
      case MASKGIT_PLUS -> new MaskgitPlus(timed);
      case MARGIN -> new Margin(timed);
      case ENTROPY -> new Entropy(timed);
      case THRESHOLD -> new Threshold(bounds.of(Bound.THRESHOLD));
      case FACTOR -> new Factor(bounds.of(Bound.FACTOR));
      case ENTROPY_BOUNDED -> new EntropyBounded(bounds.of(Bound.ENTROPY_BOUND));
      case MARGIN_THRESHOLD -> new MarginThreshold(bounds.of(Bound.THRESHOLD));
      case HIERARCHICAL ->
          new Hierarchical(bounds.of(Bound.THRESHOLD), bounds.of(Bound.LOW_THRESHOLD));
    };
  }

  private static Schedule schedule(MaskedOptions options, Schedule published) {
    return options.pace() instanceof Pace.TokensPerStep fixed
        ? new FixedCount(fixed.tokens())
        : published;
  }
}
