/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;

/** Lines over powers of two, heights on a logarithmic scale, as SVG. */
final class LineChart {
  private static final int WIDTH = 760;
  private static final int HEIGHT = 460;
  private static final int LEFT = 64;
  private static final int RIGHT = 210;
  private static final int TOP = 40;
  private static final int BOTTOM = 52;
  private static final int LEGEND_STEP = 18;

  /** Told apart by most people, also on grey paper; reused with dashes when they run out. */
  private static final List<String> COLOURS =
      List.of("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a5195");

  private record Line(String name, List<Integer> xs, List<Double> ys) {}

  private record Level(String name, double y) {}

  private final String title;
  private final String across;
  private final String up;
  private final List<Line> lines = new ArrayList<>();
  private final List<Level> levels = new ArrayList<>();

  /**
   * @param across what x is
   * @param up what y is
   */
  LineChart(String title, String across, String up) {
    this.title = title;
    this.across = across;
    this.up = up;
  }

  /** Adds a line through points with positive coordinates, x ascending. */
  LineChart line(String name, List<Integer> xs, List<Double> ys) {
    if (xs.size() != ys.size() || xs.isEmpty()) {
      throw new IllegalArgumentException(
          "line " + name + " has " + xs.size() + " x and " + ys.size() + " y");
    }
    lines.add(new Line(name, List.copyOf(xs), List.copyOf(ys)));
    return this;
  }

  /** Adds a level to compare the lines with. */
  LineChart level(String name, double y) {
    levels.add(new Level(name, y));
    return this;
  }

  /** The document. */
  String svg() {
    if (lines.isEmpty()) {
      throw new IllegalStateException("a chart without lines");
    }
    Scale x =
        Scale.of(
            lines.stream().flatMap(l -> l.xs.stream()).mapToDouble(v -> v), LEFT, WIDTH - RIGHT);
    Scale y =
        Scale.of(
            DoubleStream.concat(
                lines.stream().flatMap(l -> l.ys.stream()).mapToDouble(v -> v),
                levels.stream().mapToDouble(Level::y)),
            HEIGHT - BOTTOM,
            TOP);
    StringBuilder svg = new StringBuilder();
    add(
        svg,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' font-size='12'>",
        WIDTH,
        HEIGHT);
    add(svg, "<rect width='%d' height='%d' fill='#ffffff'/>", WIDTH, HEIGHT);
    text(svg, LEFT, 22, "start", title, " font-size='15' fill='#222222'");
    grid(svg, x, y);
    int legend = TOP + 6;
    for (int i = 0; i < lines.size(); i++) {
      Line line = lines.get(i);
      String stroke =
          "stroke='"
              + COLOURS.get(i % COLOURS.size())
              + "'"
              + (i < COLOURS.size() ? "" : " stroke-dasharray='7 3'");
      StringBuilder points = new StringBuilder();
      for (int p = 0; p < line.xs.size(); p++) {
        add(points, "%.1f,%.1f ", x.at(line.xs.get(p)), y.at(line.ys.get(p)));
      }
      add(
          svg,
          "<polyline points='%s' fill='none' stroke-width='2' %s/>",
          points.toString().strip().replace("\n", ""),
          stroke);
      legend(svg, legend, line.name, stroke);
      legend += LEGEND_STEP;
    }
    for (Level level : levels) {
      double at = y.at(level.y);
      String stroke = "stroke='#555555' stroke-dasharray='2 4'";
      add(
          svg,
          "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke-width='2' %s/>",
          LEFT,
          at,
          WIDTH - RIGHT,
          at,
          stroke);
      legend(svg, legend, level.name, stroke);
      legend += LEGEND_STEP;
    }
    return svg.append("</svg>\n").toString();
  }

  /** A logarithmic scale from the power of two below all values to the one above. */
  private record Scale(int lowest, int highest, double from, double to) {
    static Scale of(DoubleStream values, double from, double to) {
      double[] all = values.toArray();
      int low = (int) Math.floor(log(DoubleStream.of(all).min().orElseThrow()));
      int high = (int) Math.ceil(log(DoubleStream.of(all).max().orElseThrow()));
      return new Scale(low, Math.max(high, low + 1), from, to);
    }

    double at(double value) {
      return from + (to - from) * (log(value) - lowest) / (highest - lowest);
    }

    private static double log(double value) {
      return Math.log(value) / Math.log(2);
    }
  }

  private void grid(StringBuilder svg, Scale x, Scale y) {
    int right = WIDTH - RIGHT;
    int bottom = HEIGHT - BOTTOM;
    for (int power = x.lowest; power <= x.highest; power++) {
      double at = x.at(Math.pow(2, power));
      add(svg, "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#dddddd'/>", at, TOP, at, bottom);
      text(svg, at, bottom + 18, "middle", label(power), " fill='#222222'");
    }
    for (int power = y.lowest; power <= y.highest; power++) {
      double at = y.at(Math.pow(2, power));
      add(svg, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#dddddd'/>", LEFT, at, right, at);
      text(svg, LEFT - 8, at + 4, "end", label(power), " fill='#222222'");
    }
    text(svg, (LEFT + right) / 2.0, HEIGHT - 12, "middle", across, " fill='#222222'");
    double middle = (TOP + bottom) / 2.0;
    String turned =
        String.format(Locale.ROOT, " fill='#222222' transform='rotate(-90 16 %.1f)'", middle);
    text(svg, 16, middle, "middle", up, turned);
  }

  private static String label(int power) {
    return power >= 0 ? Long.toString(1L << power) : "1/" + (1L << -power);
  }

  private static void legend(StringBuilder svg, int y, String name, String stroke) {
    int left = WIDTH - RIGHT + 14;
    add(
        svg,
        "<line x1='%d' y1='%d' x2='%d' y2='%d' stroke-width='2' %s/>",
        left,
        y,
        left + 24,
        y,
        stroke);
    text(svg, left + 30, y + 4, "start", name, " fill='#222222'");
  }

  private static void text(
      StringBuilder svg, double x, double y, String anchor, String text, String more) {
    add(
        svg,
        "<text x='%.1f' y='%.1f' text-anchor='%s'%s>%s</text>",
        x,
        y,
        anchor,
        more,
        text.replace("&", "&amp;").replace("<", "&lt;"));
  }

  private static void add(StringBuilder svg, String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
