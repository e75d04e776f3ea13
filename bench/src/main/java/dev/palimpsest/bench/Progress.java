/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.PrintWriter;

/** One line on stderr that counts up; nothing when stderr is not a terminal. */
final class Progress {
  private final PrintWriter err;
  private final boolean shown;
  private boolean open;

  Progress(PrintWriter err) {
    this.err = err;
    this.shown = System.console() != null && System.console().isTerminal();
  }

  void show(String what, int done, int of) {
    if (shown) {
      err.print("\r" + what + " " + done + "/" + of);
      err.flush();
      open = true;
    }
  }

  /** Clears the line. */
  void done() {
    if (open) {
      err.print("\r" + " ".repeat(60) + "\r");
      err.flush();
      open = false;
    }
  }
}
