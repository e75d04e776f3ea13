/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * What becomes of committed tokens that the model, seeing them in place, has come to think wrong.
 * Those of the block being written are predicted again with its masks; prompt and fixed text never
 * change. How much the prediction for a visible token means is up to the model: training on masked
 * positions only does not teach it.
 */
public sealed interface Correction {
  /** What is committed stays. */
  Correction NONE = new None();

  /** What is committed stays. */
  record None() implements Correction {}

  /**
   * Tokens to which the model now gives less than {@code below} go back to MASK, the least sure
   * first, and are written again. Never in a step that has no step after it, so the text is always
   * finished.
   *
   * @param below probability of the present token, 0 to 1; 0 for never
   * @param budget most tokens taken back over the whole request
   */
  record Remask(double below, int budget) implements Correction {
    public Remask {
      if (!(below >= 0 && below <= 1)) {
        throw new IllegalArgumentException(
            "the probability to remask below must be between 0 (never) and 1; found " + below);
      }
      if (budget < 0) {
        throw new IllegalArgumentException("the remask budget must be >= 0; found " + budget);
      }
    }
  }

  /**
   * Tokens in whose place the model now predicts another one with more than {@code above} give way
   * to it at once (token-to-token editing, LLaDA2.1). When its last mask is written a block goes on
   * until a step changes nothing, for {@value #MOST_STEPS_WITHOUT_MASKS} steps at most and within
   * its steps; only then may an end-of-text token end the text. Published settings, with {@link
   * MaskedOptions.Algorithm#THRESHOLD}: threshold 0.95 and above 0.9, 0.7 and 0.5, 0.5 and 0.
   *
   * @param above probability of the predicted token, 0 to 1; 0 for always
   */
  record Edit(double above) implements Correction {
    /** Steps that a block takes at most once there is nothing left to commit. */
    public static final int MOST_STEPS_WITHOUT_MASKS = 16;

    public Edit {
      if (!(above >= 0 && above <= 1)) {
        throw new IllegalArgumentException(
            "the probability to edit above must be between 0 (always) and 1; found " + above);
      }
    }
  }
}
