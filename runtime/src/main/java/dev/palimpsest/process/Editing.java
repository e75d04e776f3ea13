/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.List;

/** Replaces tokens where the model predicts another one: see {@link Correction.Edit}. */
final class Editing implements Corrector {
  private final double above;
  private int stepsWithoutMasks;

  Editing(Correction.Edit options) {
    above = options.above();
  }

  @Override
  public void enterBlock() {
    stepsWithoutMasks = 0;
  }

  @Override
  public boolean possible(int stepsLeft) {
    return stepsWithoutMasks < Correction.Edit.MOST_STEPS_WITHOUT_MASKS;
  }

  @Override
  public int correct(Candidates visible, Canvas canvas, List<Change> changes) {
    for (int i = 0; i < visible.size(); i++) {
      int position = visible.position(i);
      int present = canvas.token(position);
      // A prediction of MASK is no token to put in.
      if (visible.token(i) != present
          && visible.confidence(i) > above
          && !visible.predictsMask(i)) {
        changes.add(new Change.Replace(position, present, visible.token(i), visible.confidence(i)));
      }
    }
    return 0;
  }

  @Override
  public void sawNoMasks() {
    stepsWithoutMasks++;
  }
}
