/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Made-up words that mean nothing to anybody. */
final class Syllables {
  private static final String CONSONANTS = "bdfgklmnprstvz";
  private static final String VOWELS = "aeiou";

  private Syllables() {}

  /** So many distinct words, none of them among {@code taken}. */
  static List<String> words(int count, Set<String> taken, SplittableRandom random) {
    Set<String> out = new LinkedHashSet<>();
    while (out.size() < count) {
      StringBuilder word = new StringBuilder();
      for (int s = 0; s < 3; s++) {
        word.append(CONSONANTS.charAt(random.nextInt(CONSONANTS.length())));
        word.append(VOWELS.charAt(random.nextInt(VOWELS.length())));
      }
      if (!taken.contains(word.toString())) {
        out.add(word.toString());
      }
    }
    taken.addAll(out);
    return new ArrayList<>(out);
  }
}
