/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.weights.FileFault;
import java.awt.Color;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.plot.XYPlot;
import org.jfree.svg.SVGGraphics2D;

/** What all our charts share: black on white, as SVG. */
final class SvgChart {
  private SvgChart() {}

  /** White, with grey lines at the axes' marks. */
  static void plain(XYPlot plot) {
    plot.setBackgroundPaint(Color.WHITE);
    plot.setDomainGridlinePaint(Color.LIGHT_GRAY);
    plot.setRangeGridlinePaint(Color.LIGHT_GRAY);
  }

  /**
   * A document of so many pixels.
   *
   * @throws LinkageError if the machine has no fonts
   */
  static String of(JFreeChart chart, int width, int height) {
    chart.setBackgroundPaint(Color.WHITE);
    SVGGraphics2D graphics = new SVGGraphics2D(width, height);
    chart.draw(graphics, new Rectangle2D.Double(0, 0, width, height));
    return graphics.getSVGDocument();
  }

  /** Why there is no chart. */
  static String problem(Throwable e) {
    return switch (e) {
      case IOException fault -> "it cannot be written: " + FileFault.reason(fault);
      case LinkageError _ -> e + "; java.awt needs fontconfig and a font on this machine";
      default -> e.toString();
    };
  }
}
