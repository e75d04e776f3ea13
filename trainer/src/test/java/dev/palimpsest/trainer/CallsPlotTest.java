/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CallsPlotTest {
  private static CallsPlot.Panel panel() {
    CallsPlot.Curves curves = new CallsPlot.Curves();
    curves.add("masked", "1 step", 3);
    curves.add("causal", "left to right", 82);
    curves.add("masked", "16 steps", 7);
    curves.add("latent", "4 steps", 5);
    return curves.panel("exact %");
  }

  @Test
  void curvesAreByCallsAndWhoHasNoChoiceIsALine() {
    assertEquals(
        List.of(
            new CallsPlot.Curve(
                "masked", new TreeMap<>(Map.of(1, 3.0, 16, 7.0)), OptionalDouble.empty()),
            new CallsPlot.Curve("causal", new TreeMap<>(), OptionalDouble.of(82)),
            new CallsPlot.Curve("latent", new TreeMap<>(Map.of(4, 5.0)), OptionalDouble.empty())),
        panel().curves());
  }

  @Test
  void everyMeasureModelAndNumberOfCallsIsNamed(@TempDir Path temp) throws Exception {
    Path svg = temp.resolve("plot.svg");
    CallsPlot.draw(List.of(panel(), new CallsPlot.Panel("digits", panel().curves())), svg);
    String drawn = Files.readString(svg);
    for (String word :
        List.of("network calls", "masked", "causal", "latent", ">1<", ">4<", ">16<")) {
      assertTrue(drawn.contains(word), word);
    }
    // A line in each of the two panels, and its sample in the legend.
    assertEquals(4, drawn.split("dasharray: ?7").length);
    assertEquals(2, drawn.split(">masked<").length, "a model is in the legend once");
  }

  @Test
  void whatCannotBeDrawnIsNoFailure(@TempDir Path temp) {
    CallsPlot.Curves curves = new CallsPlot.Curves();
    curves.add("causal", "left to right", 82);
    List<CallsPlot.Panel> none = List.of(curves.panel("exact %"));
    assertThrows(IllegalArgumentException.class, () -> CallsPlot.svg(none));
    CallsPlot.draw(none, temp.resolve("plot.svg"));
    assertFalse(Files.exists(temp.resolve("plot.svg")));
  }
}
