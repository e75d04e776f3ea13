/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How various texts are: little of both says that a model repeats itself.
 *
 * @param entropy of the tokens of all texts together, in nats
 * @param distinct share of the pairs of neighbours that differ from all others before
 */
public record Diversity(double entropy, double distinct) {
  /** Of texts as tokens. */
  public static Diversity of(List<int[]> texts) {
    Map<Integer, Integer> counts = new HashMap<>();
    Set<Long> pairs = new HashSet<>();
    int total = 0;
    int pairCount = 0;
    for (int[] text : texts) {
      for (int i = 0; i < text.length; i++) {
        counts.merge(text[i], 1, Integer::sum);
        total++;
        if (i > 0) {
          pairs.add((long) text[i - 1] << 32 | text[i]);
          pairCount++;
        }
      }
    }
    double entropy = 0;
    for (int n : counts.values()) {
      double p = (double) n / total;
      entropy -= p * Math.log(p);
    }
    return new Diversity(entropy, (double) pairs.size() / Math.max(1, pairCount));
  }
}
