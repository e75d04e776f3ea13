/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import java.util.OptionalInt;

/** Text to token ids and back. Safe for use by many threads. */
public interface Tokenizer extends AutoCloseable {
  /**
   * Ids of {@code text}, special tokens recognised where they are written out, none added at the
   * ends.
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
