/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.cli.TokenTexts.Stretch;
import dev.palimpsest.cli.WatchedCanvas.State;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/**
 * Redraws the canvas in place: a header, the text, a legend. Rows are counted and never wider than
 * the terminal, so that going back up is exact; a canvas taller than the terminal shows the part
 * where something happens. ECMA-48 control sequences only.
 */
final class ScreenViewer implements Viewer {
  private static final String ESCAPE = "\033[";
  private static final String HIDE_CURSOR = ESCAPE + "?25l";
  private static final String SHOW_CURSOR = ESCAPE + "?25h";
  private static final String CLEAR_LINE = ESCAPE + "K";
  private static final String CLEAR_BELOW = ESCAPE + "J";
  private static final String PLAIN = ESCAPE + "0m";
  private static final String DIM = ESCAPE + "2m";

  /** Header and legend, and the line where the cursor waits. */
  private static final int OTHER_ROWS = 3;

  private final PrintWriter out;
  private final boolean colours;
  private final Supplier<Terminal.Size> size;
  private final Duration delay;
  private final Thread restore;
  private int drawn;

  /**
   * @param size asked before every frame, since windows are resized
   * @param delay to wait after a frame, so that people can follow
   */
  ScreenViewer(PrintWriter out, boolean colours, Supplier<Terminal.Size> size, Duration delay) {
    this.out = out;
    this.colours = colours;
    this.size = size;
    this.delay = delay;
    // Ctrl-C must not leave the user without a cursor.
    this.restore =
        new Thread(
            () -> {
              out.print(PLAIN + SHOW_CURSOR);
              out.flush();
            });
    Runtime.getRuntime().addShutdownHook(restore);
    out.print(HIDE_CURSOR);
  }

  @Override
  public void show(Progress progress, List<Stretch> canvas) {
    Terminal.Size window = size.get();
    Frame frame =
        Frame.of(canvas, window.columns() - 1).around(Math.max(1, window.rows() - OTHER_ROWS));
    StringBuilder screen = new StringBuilder();
    goBack(screen);
    String header = progress.line();
    line(screen, DIM + header.substring(0, Math.min(header.length(), window.columns() - 1)));
    for (List<Stretch> row : frame.rows()) {
      StringBuilder text = new StringBuilder();
      row.forEach(
          stretch -> text.append(style(stretch.state())).append(text(stretch)).append(PLAIN));
      line(screen, text.toString());
    }
    line(screen, legend());
    screen.append(CLEAR_BELOW);
    out.print(screen);
    out.flush();
    drawn = frame.rows().size() + 2;
    pause();
  }

  private void goBack(StringBuilder screen) {
    if (drawn > 0) {
      screen.append(ESCAPE).append(drawn).append('A');
    }
    screen.append('\r');
  }

  private static void line(StringBuilder screen, String text) {
    screen.append(text).append(PLAIN).append(CLEAR_LINE).append("\r\n");
  }

  /** The legend, in the styles it explains. */
  private String legend() {
    return style(State.MASKED)
        + TokenTexts.MASK
        + " masked"
        + PLAIN
        + "  "
        + style(State.NEW)
        + "new"
        + PLAIN
        + "  "
        + style(State.CHANGED)
        + "changed"
        + PLAIN
        + "  settled";
  }

  private static String text(Stretch stretch) {
    return stretch.state() == State.TAKEN_BACK ? stretch.text().replace('░', '▒') : stretch.text();
  }

  /** Bold, underlined and dim tell the states apart where colours are not wanted. */
  private String style(State state) {
    return switch (state) {
      case GIVEN, SETTLED -> "";
      case MASKED -> DIM;
      case NEW -> ESCAPE + (colours ? "1;32m" : "1m");
      case CHANGED -> ESCAPE + (colours ? "1;35m" : "1;4m");
      case TAKEN_BACK -> ESCAPE + (colours ? "33m" : "4m");
    };
  }

  private void pause() {
    try {
      Thread.sleep(delay);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Takes the frame off the screen; what is printed next stands in its place. */
  @Override
  public void close() {
    StringBuilder screen = new StringBuilder();
    goBack(screen);
    out.print(screen.append(CLEAR_BELOW).append(PLAIN).append(SHOW_CURSOR));
    out.flush();
    drawn = 0;
    try {
      Runtime.getRuntime().removeShutdownHook(restore);
    } catch (IllegalStateException e) {
      // The JVM is going down: the hook shows the cursor once more, which does no harm.
    }
  }
}
