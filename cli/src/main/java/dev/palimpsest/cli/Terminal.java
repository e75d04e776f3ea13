/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

/** Where output goes and input comes from. */
interface Terminal {
  /** A terminal of this size shows standard output. */
  record Size(int columns, int rows) {
    static final Size USUAL = new Size(80, 24);
  }

  /** Standard output is a terminal. */
  boolean interactive();

  /** Standard input is a terminal: nobody has piped anything in. */
  boolean typing();

  /** Standard error is a terminal. */
  boolean noticing();

  /** Colours are wanted: a terminal, and no NO_COLOR in the environment (https://no-color.org). */
  boolean colours();

  /** The size right now; {@link Size#USUAL} when it cannot be told. */
  Size size();
}
