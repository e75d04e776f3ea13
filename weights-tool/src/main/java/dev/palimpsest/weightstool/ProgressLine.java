/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import java.io.PrintWriter;
import java.util.Locale;

/** A bar on one terminal line, redrawn a few times a second; silent where there is no terminal. */
final class ProgressLine implements AutoCloseable {
  private static final int WIDTH = 30;
  private static final long REDRAW_NANOS = 100_000_000;

  private final PrintWriter out;
  private final String what;
  private final long total;
  private final boolean shown;
  private final long began = System.nanoTime();
  private long done;
  private long drawn = began - REDRAW_NANOS;

  /**
   * @param total bytes to come
   */
  ProgressLine(PrintWriter out, String what, long total) {
    this.out = out;
    this.what = what;
    this.total = total;
    this.shown = System.console() != null && System.console().isTerminal();
  }

  /** {@code bytes} more are done. */
  void advance(long bytes) {
    done += bytes;
    long now = System.nanoTime();
    if (shown && (now - drawn > REDRAW_NANOS || done == total)) {
      drawn = now;
      int filled = total == 0 ? WIDTH : (int) (done * WIDTH / total);
      out.printf(
          Locale.ROOT,
          "\r%s [%s%s] %s of %s, %s/s ",
          what,
          "#".repeat(filled),
          ".".repeat(WIDTH - filled),
          Sizes.bytes(done),
          Sizes.bytes(total),
          Sizes.bytes((long) (done / Math.max(1e-9, (now - began) / 1e9))));
      out.flush();
    }
  }

  double seconds() {
    return (System.nanoTime() - began) / 1e9;
  }

  /** Clears the line. */
  @Override
  public void close() {
    if (shown) {
      out.print("\r\u001b[2K");
      out.flush();
    }
  }
}
