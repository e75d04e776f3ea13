/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.BitSet;

/**
 * The n candidates of the highest score. Among equal scores the lowest positions are taken; the
 * published decoders leave that to {@code torch.topk}, which promises no order.
 */
final class Surest {
  private Surest() {}

  /** Adds the {@code n} highest-scored candidates (all, if there are fewer) to {@code chosen}. */
  static void choose(Candidates candidates, int n, BitSet chosen) {
    int size = candidates.size();
    if (n <= 0) {
      return;
    }
    if (n >= size) {
      chosen.set(0, size);
      return;
    }
    double cut = candidates.highestScore(n);
    int left = n;
    for (int i = 0; i < size; i++) {
      if (candidates.score(i) > cut) {
        chosen.set(i);
        left--;
      }
    }
    for (int i = 0; left > 0; i++) {
      if (candidates.score(i) == cut) {
        chosen.set(i);
        left--;
      }
    }
  }
}
