/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * Fast-dLLM's parallel decoding (Wu et al., 2025): every position at least this sure, and always
 * the surest one. Positions where the model predicts MASK are passed over, so a step that chooses
 * nothing cannot be helped by another.
 *
 * @param threshold probability of the predicted token from which a position is committed
 */
record Threshold(double threshold) implements CommitRule {
  @Override
  public void choose(Candidates candidates, Moment moment, BitSet chosen) {
    int surest = -1;
    for (int i = 0; i < candidates.size(); i++) {
      if (candidates.predictsMask(i)) {
        continue;
      }
      double confidence = candidates.confidence(i);
      candidates.score(i, confidence);
      if (surest < 0 || candidates.score(i) > candidates.score(surest)) {
        surest = i;
      }
      if (confidence >= threshold) {
        chosen.set(i);
      }
    }
    if (surest >= 0) {
      chosen.set(surest);
    }
  }
}
