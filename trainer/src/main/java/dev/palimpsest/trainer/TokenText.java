/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Text of which each character knows the token it came from.
 *
 * @param text of all tokens, {@link #END} for end-of-text; bytes that are no UTF-8 within one token
 *     are replaced
 * @param starts where the text of each token begins
 */
record TokenText(String text, int[] starts) {
  /** Stands for end-of-text: no Java file has it. */
  static final char END = '\0';

  /** Decodes token by token, each kind once. */
  static final class Decoder {
    private final HuggingFaceTokenizer tokenizer;
    private final int end;
    private final Map<Integer, String> known = new HashMap<>();

    /**
     * @param end the end-of-text token
     */
    Decoder(HuggingFaceTokenizer tokenizer, int end) {
      this.tokenizer = tokenizer;
      this.end = end;
    }

    TokenText of(int[] tokens) {
      StringBuilder text = new StringBuilder();
      int[] starts = new int[tokens.length];
      for (int i = 0; i < tokens.length; i++) {
        starts[i] = text.length();
        text.append(
            tokens[i] == end
                ? String.valueOf(END)
                : known.computeIfAbsent(
                    tokens[i], token -> tokenizer.decode(new long[] {token}, true)));
      }
      return new TokenText(text.toString(), starts);
    }
  }

  /** Index of the token that a character came from. */
  int token(int character) {
    int at = Arrays.binarySearch(starts, character);
    if (at < 0) {
      return -at - 2;
    }
    // Tokens without text begin where the next one does.
    while (at + 1 < starts.length && starts[at + 1] == character) {
      at++;
    }
    return at;
  }

  /** Where the text of a token begins, or the text ends. */
  int character(int token) {
    return token < starts.length ? starts[token] : text.length();
  }
}
