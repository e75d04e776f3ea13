/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringReader;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class LineChartTest {
  private static Document drawn(LineChart chart) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(chart.svg())));
  }

  @Test
  void powersOfTwoAreEvenlySpaced() throws Exception {
    Document svg =
        drawn(
            new LineChart("a < b & c", "x", "y")
                .line("line", List.of(1, 2, 4, 8), List.of(10.0, 20.0, 40.0, 160.0))
                .level("level", 40));
    Element line = (Element) svg.getElementsByTagName("polyline").item(0);
    double[][] points =
        Arrays.stream(line.getAttribute("points").split(" "))
            .map(p -> Arrays.stream(p.split(",")).mapToDouble(Double::parseDouble).toArray())
            .toArray(double[][]::new);
    assertEquals(4, points.length);
    double across = points[1][0] - points[0][0];
    double up = points[1][1] - points[0][1];
    assertTrue(across > 0 && up < 0, "x grows to the right and y upwards");
    assertEquals(points[0][0] + 3 * across, points[3][0], 0.2);
    assertEquals(points[0][1] + 4 * up, points[3][1], 0.4);
    String text = svg.getDocumentElement().getTextContent();
    for (String part : List.of("a < b & c", "line", "level", "8", "256")) {
      assertTrue(text.contains(part), () -> part + " is missing in " + text);
    }
  }

  @Test
  void pointsComeInPairs() {
    LineChart chart = new LineChart("t", "x", "y");
    assertThrows(
        IllegalArgumentException.class, () -> chart.line("l", List.of(1, 2), List.of(1.0)));
    assertThrows(IllegalStateException.class, chart::svg);
  }
}
