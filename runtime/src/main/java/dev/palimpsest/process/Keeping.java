/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.List;

/** Corrects nothing. */
record Keeping() implements Corrector {
  @Override
  public void enterBlock() {}

  @Override
  public boolean possible(int stepsLeft) {
    return false;
  }

  @Override
  public int correct(Candidates visible, Canvas canvas, List<Change> changes) {
    return 0;
  }

  @Override
  public void sawNoMasks() {}
}
