/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.List;

/** Carries out a {@link Correction}; holds its count over the request. */
sealed interface Corrector permits Keeping, Doubt, Editing {
  /** What carries out {@code correction}. */
  static Corrector of(Correction correction) {
    return switch (correction) {
      case Correction.None _ -> new Keeping();
      case Correction.Remask remask -> new Doubt(remask);
      case Correction.Edit edit -> new Editing(edit);
    };
  }

  /** A block begins. */
  void enterBlock();

  /**
   * Whether a step may correct anything.
   *
   * @param stepsLeft of the block, that step included
   */
  boolean possible(int stepsLeft);

  /**
   * Adds the changes to make.
   *
   * @param visible the written positions that hold a token, and what is predicted there
   * @return how many of them go back to MASK
   */
  int correct(Candidates visible, Canvas canvas, List<Change> changes);

  /** A step found nothing left to commit. */
  void sawNoMasks();
}
