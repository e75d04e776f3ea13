/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.jfree.chart.ChartFactory;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.xy.XYLineAndShapeRenderer;
import org.jfree.data.xy.XYSeries;
import org.jfree.data.xy.XYSeriesCollection;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Draws the curve of a run from its log, as SVG. */
public final class LossPlot {
  private static final int WIDTH = 760;
  private static final int HEIGHT = 400;

  private static final String BIN = "held_out_code_";

  private LossPlot() {}

  /**
   * Draws the curve of a run into its folder, and says so. A missing font must not cost anybody a
   * trained model, so what goes wrong is said as well and no more.
   */
  public static void of(Path run) {
    Path svg = run.resolve("loss.svg");
    try {
      write(TrainingLoop.logFile(run), svg);
      System.out.println("curve: " + svg);
    } catch (IOException | RuntimeException | LinkageError e) {
      System.err.println("no loss plot: " + SvgChart.problem(e));
    }
  }

  /**
   * Training loss (mean of about 1 % of the run) and held-out loss over tokens seen; of a latent
   * model also the held-out loss of each bin of noise.
   *
   * @param log the {@code log.jsonl} of a run
   */
  static void write(Path log, Path svg) throws IOException {
    XYSeries training = new XYSeries("training (loss of the gradient)");
    XYSeries heldOut = new XYSeries("held-out (bound on nats per token)");
    XYSeries codes = new XYSeries("held-out (nats per code)");
    Map<String, XYSeries> bins = new TreeMap<>();
    int group = Math.max(1, Files.readAllLines(log).size() / 150);
    double sum = 0;
    int n = 0;
    for (String line : Files.readAllLines(log)) {
      JsonNode node = JsonMapper.shared().readTree(line);
      double millions = node.get("tokens").asDouble() / 1e6;
      if (node.has("loss")) {
        sum += node.get("loss").asDouble();
        if (++n == group) {
          training.add(millions, sum / n);
          sum = 0;
          n = 0;
        }
      } else if (node.has("held_out_nats")) {
        heldOut.add(millions, node.get("held_out_nats").asDouble());
      } else if (node.has("held_out_codes")) {
        codes.add(millions, node.get("held_out_codes").asDouble());
        for (var field : node.properties()) {
          if (field.getKey().startsWith(BIN)) {
            bins.computeIfAbsent(
                    field.getKey(), key -> new XYSeries("noise bin " + key.substring(BIN.length())))
                .add(millions, field.getValue().asDouble());
          }
        }
      }
    }
    XYSeriesCollection data = new XYSeriesCollection();
    data.addSeries(training);
    data.addSeries(codes.isEmpty() ? heldOut : codes);
    bins.values().forEach(data::addSeries);
    JFreeChart chart = ChartFactory.createXYLineChart("", "million tokens seen", "loss", data);
    XYPlot plot = chart.getXYPlot();
    SvgChart.plain(plot);
    XYLineAndShapeRenderer renderer = new XYLineAndShapeRenderer(true, false);
    renderer.setSeriesPaint(0, new Color(0x9e, 0xc1, 0xe0));
    renderer.setSeriesPaint(1, new Color(0xb0, 0x3a, 0x2e));
    renderer.setSeriesStroke(0, new BasicStroke(1.2f));
    renderer.setSeriesStroke(1, new BasicStroke(2f));
    for (int b = 0; b < bins.size(); b++) {
      // From the noisiest, dark, to the clearest, light.
      int grey = 60 + 20 * b;
      renderer.setSeriesPaint(2 + b, new Color(grey, grey, grey));
      renderer.setSeriesStroke(2 + b, new BasicStroke(0.8f));
    }
    plot.setRenderer(renderer);
    Files.writeString(svg, SvgChart.of(chart, WIDTH, HEIGHT));
  }
}
