/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import java.util.ArrayList;
import java.util.List;

/**
 * A byte-level vocabulary small enough to be written down: 256 bytes, a few merges, two specials.
 */
final class TinyVocabulary {
  static final int END = 0;
  static final int MASK = 1;

  private TinyVocabulary() {}

  /** The printable character of a byte in GPT-2's alphabet. */
  static String letter(int b) {
    int[] printable = new int[256];
    int next = 256;
    for (int i = 0; i < 256; i++) {
      boolean plain = (i >= 33 && i < 127) || (i >= 161 && i < 173) || i >= 174;
      printable[i] = plain ? i : next++;
    }
    return Character.toString(printable[b]);
  }

  static final List<String> MERGES = List.of("h e", "l l", "he ll", "Ġ w");

  /** Texts by id: the specials' places empty, the bytes, the merged tokens. */
  static List<String> tokens() {
    List<String> tokens = new ArrayList<>(List.of("", ""));
    for (int b = 0; b < 256; b++) {
      tokens.add(letter(b));
    }
    MERGES.forEach(merge -> tokens.add(merge.replace(" ", "")));
    return tokens;
  }

  static BytePairVocabulary vocabulary() {
    return new BytePairVocabulary(
        tokens(),
        MERGES,
        List.of(
            new BytePairVocabulary.Added(END, "<|endoftext|>", true),
            new BytePairVocabulary.Added(MASK, "<|mask|>", true)),
        BytePairVocabulary.Split.GPT2);
  }

  static String json() {
    return vocabulary().toTokenizerJson();
  }
}
