/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.cli.TokenTexts.Stretch;
import java.io.PrintWriter;
import java.util.List;
import java.util.stream.Collectors;

/** One frame after the other, without cursor movements and colours: for pipes and logs. */
final class PlainViewer implements Viewer {
  private final PrintWriter out;
  private final int width;

  PlainViewer(PrintWriter out, int width) {
    this.out = out;
    this.width = width;
  }

  @Override
  public void show(Progress progress, List<Stretch> canvas) {
    if (progress.step() == 0) {
      out.println(legend());
    }
    out.println("--- " + progress.line());
    Frame.of(canvas, width).rows().forEach(row -> out.println(text(row)));
    out.flush();
  }

  static String legend() {
    return "░░ masked  ‹new›  «changed»  ▒▒ taken back";
  }

  static String text(List<Stretch> row) {
    return row.stream().map(PlainViewer::text).collect(Collectors.joining());
  }

  private static String text(Stretch stretch) {
    return switch (stretch.state()) {
      case GIVEN, SETTLED, MASKED -> stretch.text();
      case NEW -> "‹" + stretch.text() + "›";
      case CHANGED -> "«" + stretch.text() + "»";
      case TAKEN_BACK -> stretch.text().replace('░', '▒');
    };
  }

  @Override
  public void close() {
    out.flush();
  }
}
