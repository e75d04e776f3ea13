/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.Locale;

/** What is taken out of a file for the model to write. */
enum HoleTask {
  /** One token, both sides in view. */
  TOKEN("1 token"),
  /** Eight tokens, both sides in view. */
  EIGHT("8 tokens"),
  /** The words of one line (3 to 24 tokens), both sides in view. */
  LINE("one line"),
  /** The body of a method (12 to 48 tokens), both sides in view. */
  BODY("method body"),
  /**
   * The body of a method, only what precedes it in view: 64 tokens, of which those behind the brace
   * that closes it do not count.
   */
  METHOD("completed method");

  private final String title;

  HoleTask(String title) {
    this.title = title;
  }

  /** In tables. */
  String title() {
    return title;
  }

  /** On the command line and in documents. */
  String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }
}
