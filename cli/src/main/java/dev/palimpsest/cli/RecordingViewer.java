/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.cli.TokenTexts.Stretch;
import dev.palimpsest.cli.WatchedCanvas.State;
import dev.palimpsest.weights.FileFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Records the steps as an animated SVG that plays in any browser, and shows the last step where
 * animations do not run.
 */
final class RecordingViewer implements Viewer {
  private static final int COLUMNS = 88;
  private static final int NARROWEST = 60;
  private static final double CHARACTER = 8.4;
  private static final int LINE = 20;
  private static final int MARGIN = 16;

  /** How long the finished text stands before the recording starts over. */
  private static final Duration REST = Duration.ofSeconds(4);

  private record Picture(String header, Frame frame) {}

  private final Path file;
  private final Duration delay;
  private final List<Picture> pictures = new ArrayList<>();

  /**
   * @param file is written on {@link #close}
   * @param delay between two steps
   */
  RecordingViewer(Path file, Duration delay) {
    this.file = file;
    this.delay = delay;
  }

  @Override
  public void show(Progress progress, List<Stretch> canvas) {
    pictures.add(new Picture(progress.counts(), Frame.of(canvas, COLUMNS)));
  }

  @Override
  public void close() {
    if (pictures.isEmpty()) {
      return;
    }
    try {
      Files.writeString(file, svg());
    } catch (IOException e) {
      throw new FailureException(
          "--record " + file + " cannot be written: " + FileFault.reason(e), e);
    }
  }

  String svg() {
    int rows = pictures.stream().mapToInt(p -> p.frame().rows().size()).max().orElse(1);
    int columns =
        pictures.stream()
            .flatMap(p -> p.frame().rows().stream())
            .mapToInt(RecordingViewer::columns)
            .max()
            .orElse(0);
    int width = (int) Math.ceil(2 * MARGIN + Math.max(NARROWEST, columns) * CHARACTER);
    int height = 2 * MARGIN + (rows + 1) * LINE + LINE / 2;
    double each = delay.toMillis() / 1000.0;
    double whole = each * (pictures.size() - 1) + REST.toMillis() / 1000.0;

    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">
            <style>
            text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }
            .m { fill: #4c566a } .n { fill: #7fd962; font-weight: bold } .c { fill: #d58cff; font-weight: bold }
            .t { fill: #ebcb8b } .h { fill: #7b88a1 }
            .f { visibility: hidden; animation: %.2fs step-end infinite }
            .f:last-child { visibility: visible }
            @media (prefers-reduced-motion: reduce) { .f { animation: none !important } }
            """,
            width,
            height,
            width,
            height,
            whole));
    for (int i = 0; i < pictures.size(); i++) {
      svg.append(keyframes(i, each / whole));
    }
    svg.append("</style>\n");
    svg.append(
        String.format(
            Locale.ROOT,
            "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#1e222a\"/>%n",
            width,
            height));
    for (int i = 0; i < pictures.size(); i++) {
      picture(svg, i, pictures.get(i));
    }
    return svg.append("</svg>\n").toString();
  }

  /** Step {@code index} is seen in its share of the whole time; the last one until the end. */
  private String keyframes(int index, double share) {
    boolean last = index == pictures.size() - 1;
    return String.format(
        Locale.ROOT,
        "@keyframes k%1$d { %2$s%3$.3f%% { visibility: visible } %4$s }%n#f%1$d { animation-name: k%1$d }%n",
        index,
        index == 0 ? "" : "0% { visibility: hidden } ",
        100 * share * index,
        last
            ? "100% { visibility: visible }"
            : String.format(
                Locale.ROOT, "%.3f%% { visibility: hidden }", 100 * share * (index + 1)));
  }

  private static void picture(StringBuilder svg, int index, Picture picture) {
    svg.append("<g class=\"f\" id=\"f").append(index).append("\">\n");
    int y = MARGIN + LINE / 2;
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%d\" y=\"%d\" class=\"h\">%s</text>%n",
            MARGIN,
            y,
            escape(picture.header())));
    y += LINE / 2;
    for (List<Stretch> row : picture.frame().rows()) {
      y += LINE;
      int column = 0;
      for (Stretch stretch : row) {
        column = words(svg, stretch, column, y);
      }
    }
    svg.append("</g>\n");
  }

  private static int columns(List<Stretch> row) {
    return row.stream().flatMapToInt(s -> s.text().codePoints()).map(Frame::columns).sum();
  }

  /** Each word goes to its own column: viewers differ in what they make of several blanks. */
  private static int words(StringBuilder svg, Stretch stretch, int column, int y) {
    Matcher words = Pattern.compile(" +|[^ ]+").matcher(stretch.text());
    while (words.find()) {
      String word = words.group();
      int columns = word.codePoints().map(Frame::columns).sum();
      if (!word.isBlank()) {
        svg.append(
            String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%d\" textLength=\"%.1f\"%s>%s</text>%n",
                MARGIN + column * CHARACTER,
                y,
                columns * CHARACTER,
                style(stretch.state()),
                escape(word)));
      }
      column += columns;
    }
    return column;
  }

  private static String style(State state) {
    return switch (state) {
      case GIVEN, SETTLED -> "";
      case MASKED -> " class=\"m\"";
      case NEW -> " class=\"n\"";
      case CHANGED -> " class=\"c\"";
      case TAKEN_BACK -> " class=\"t\"";
    };
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
