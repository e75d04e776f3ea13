/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.geom.Ellipse2D;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.AxisLocation;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.axis.SymbolAxis;
import org.jfree.chart.plot.CombinedDomainXYPlot;
import org.jfree.chart.plot.DatasetRenderingOrder;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.xy.XYLineAndShapeRenderer;
import org.jfree.data.xy.XYSeries;
import org.jfree.data.xy.XYSeriesCollection;

/**
 * Draws what models achieve by the number of network calls they write in, as SVG: a panel for each
 * measure, a curve for each model, a dashed line for one that has no choice of calls.
 */
public final class CallsPlot {
  private static final int WIDTH = 760;
  private static final int PANEL = 210;

  /** Distinct in print and for those who see few colours. */
  private static final Color[] COLOURS = {
    new Color(0x1f, 0x5f, 0xa8),
    new Color(0xc4, 0x5a, 0x1b),
    new Color(0x2b, 0x80, 0x5a),
    new Color(0x7a, 0x3b, 0x8f),
    new Color(0x66, 0x66, 0x66)
  };

  /**
   * A model's values.
   *
   * @param byCalls value by number of network calls
   * @param anyway its value where it has no choice of calls, as from left to right
   */
  public record Curve(String model, SortedMap<Integer, Double> byCalls, OptionalDouble anyway) {}

  /**
   * What is measured, and every model's curve; curves of one model have one place in all panels.
   */
  public record Panel(String measure, List<Curve> curves) {}

  private CallsPlot() {}

  /**
   * Draws panels above each other, and says where. A missing font must not cost anybody a study, so
   * what goes wrong is said as well and no more.
   */
  public static void draw(List<Panel> panels, Path svg) {
    try {
      Files.writeString(svg, svg(panels));
      System.err.println("plot: " + svg);
    } catch (IOException | RuntimeException | LinkageError e) {
      System.err.println("no plot " + svg + ": " + SvgChart.problem(e));
    }
  }

  static String svg(List<Panel> panels) {
    List<Integer> calls = List.copyOf(calls(panels));
    CombinedDomainXYPlot all = new CombinedDomainXYPlot(callsAxis(calls));
    all.setGap(12);
    boolean first = true;
    for (Panel panel : panels) {
      all.add(plot(panel, calls, first));
      first = false;
    }
    JFreeChart chart = new JFreeChart(null, null, all, true);
    return SvgChart.of(chart, WIDTH, PANEL * panels.size() + 70);
  }

  private static SortedSet<Integer> calls(List<Panel> panels) {
    SortedSet<Integer> calls = new TreeSet<>();
    panels.forEach(p -> p.curves.forEach(curve -> calls.addAll(curve.byCalls.keySet())));
    if (calls.isEmpty()) {
      throw new IllegalArgumentException("nothing was written in a number of calls");
    }
    return calls;
  }

  /** A place for each number, since they double. */
  private static NumberAxis callsAxis(List<Integer> calls) {
    SymbolAxis axis =
        new SymbolAxis("network calls", calls.stream().map(String::valueOf).toArray(String[]::new));
    axis.setGridBandsVisible(false);
    axis.setRange(-0.3, calls.size() - 0.7);
    return axis;
  }

  private static XYPlot plot(Panel panel, List<Integer> calls, boolean legend) {
    XYSeriesCollection data = new XYSeriesCollection();
    XYLineAndShapeRenderer renderer = new XYLineAndShapeRenderer(true, true);
    for (int i = 0; i < panel.curves.size(); i++) {
      Curve curve = panel.curves.get(i);
      data.addSeries(series(curve, calls));
      boolean dashed = curve.anyway.isPresent();
      renderer.setSeriesPaint(i, COLOURS[i % COLOURS.length]);
      renderer.setSeriesStroke(i, stroke(dashed));
      renderer.setSeriesShapesVisible(i, !dashed);
      renderer.setSeriesShape(i, new Ellipse2D.Double(-3, -3, 6, 6));
      renderer.setSeriesVisibleInLegend(i, legend);
    }
    NumberAxis axis = new NumberAxis(panel.measure);
    axis.setLabelFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    axis.setNumberFormatOverride(
        new DecimalFormat("#,##0.###", DecimalFormatSymbols.getInstance(Locale.ROOT)));
    axis.setAutoRangeIncludesZero(true);
    XYPlot plot = new XYPlot(data, null, axis, renderer);
    plot.setRangeAxisLocation(AxisLocation.BOTTOM_OR_LEFT);
    plot.setDatasetRenderingOrder(DatasetRenderingOrder.FORWARD);
    SvgChart.plain(plot);
    return plot;
  }

  private static XYSeries series(Curve curve, List<Integer> calls) {
    XYSeries series = new XYSeries(curve.model);
    curve.byCalls.forEach((n, value) -> series.add(calls.indexOf(n), value));
    curve.anyway.ifPresent(
        value -> {
          series.add(-0.3, value);
          series.add(calls.size() - 0.7, value);
        });
    return series;
  }

  private static BasicStroke stroke(boolean dashed) {
    return dashed
        ? new BasicStroke(
            1.6f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {7, 4}, 0)
        : new BasicStroke(2f);
  }

  /** Puts values of models into curves, in the order in which models first appear. */
  public static final class Curves {
    private final List<String> models = new ArrayList<>();
    private final List<SortedMap<Integer, Double>> byCalls = new ArrayList<>();
    private final List<OptionalDouble> anyway = new ArrayList<>();

    /**
     * @param written "8 steps", or anything else for one that has no choice
     */
    public void add(String model, String written, double value) {
      int at = models.indexOf(model);
      if (at < 0) {
        at = models.size();
        models.add(model);
        byCalls.add(new TreeMap<>());
        anyway.add(OptionalDouble.empty());
      }
      String number = written.replaceFirst(" steps?$", "");
      if (number.matches("\\d+")) {
        byCalls.get(at).put(Integer.parseInt(number), value);
      } else {
        anyway.set(at, OptionalDouble.of(value));
      }
    }

    /** All of them, of one measure. */
    public Panel panel(String measure) {
      List<Curve> curves = new ArrayList<>();
      for (int i = 0; i < models.size(); i++) {
        curves.add(new Curve(models.get(i), byCalls.get(i), anyway.get(i)));
      }
      return new Panel(measure, curves);
    }
  }
}
