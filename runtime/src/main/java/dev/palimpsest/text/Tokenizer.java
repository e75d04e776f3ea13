/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import java.util.OptionalInt;

/** Text to token ids and back. Safe for use by many threads. */
public interface Tokenizer extends AutoCloseable {
  /**
   * Ids of {@code text}, none added at the ends. What looks like a special token in it is text like
   * any other: whoever types {@code <|mask|>} gets its characters. Special tokens have their {@link
   * #id}.
   */
  int[] encode(String text);

  /**
   * Text of {@code ids}; special tokens are written out only when {@code keepSpecial}. Bytes that
   * do not form UTF-8 become U+FFFD.
   */
  String decode(int[] ids, boolean keepSpecial);

  /** Id of a token by its exact text, e.g. {@code <|mask|>}. */
  OptionalInt id(String token);

  /** Number of ids, added tokens included. */
  int size();

  @Override
  void close();
}
