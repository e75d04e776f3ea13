/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/** Which of the masked positions a step commits. Stateless; all state is in the arguments. */
sealed interface CommitRule
    permits LowConfidence, RandomOrder, Origin, MaskgitPlus, Margin, Entropy, Threshold {

  /**
   * Marks what the step commits.
   *
   * @param candidates the masked positions and what is predicted for them
   * @param chosen empty; gets the indices of the candidates chosen
   */
  void choose(Candidates candidates, Moment moment, BitSet chosen);

  /** The rule that {@code options} name. */
  static CommitRule of(MaskedOptions options) {
    return switch (options.algorithm()) {
      case LOW_CONFIDENCE -> new LowConfidence();
      case RANDOM -> new RandomOrder();
      case ORIGIN -> new Origin();
      case MASKGIT_PLUS -> new MaskgitPlus(new TimedChoice(options.algorithmTemperature()));
      case MARGIN -> new Margin(new TimedChoice(options.algorithmTemperature()));
      case ENTROPY -> new Entropy(new TimedChoice(options.algorithmTemperature()));
      case THRESHOLD -> new Threshold(options.threshold());
    };
  }
}
