/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.emulator.EmulatorLibrary;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Every part on the emulator, in shapes that it gets through, and the table of them all. */
@Tag("emulator")
class GpuCommandTest {
  @TempDir private Path out;

  private String run(String... arguments) {
    StringWriter text = new StringWriter();
    CommandLine line = new CommandLine(new GpuCommand());
    line.setOut(new PrintWriter(text)).setErr(new PrintWriter(text));
    assertEquals(0, line.execute(arguments), text::toString);
    return text.toString();
  }

  @Test
  void everyPartMeasuresAndTheTableHasThem() throws IOException {
    Assumptions.assumeTrue(EmulatorLibrary.present(), "the emulator needs g++");
    for (String part : new String[] {"device", "launches", "kernels", "steps", "loop"}) {
      String tiny = "%s --out %s --tiny".formatted(part, out);
      boolean timed = !part.equals("device") && !part.equals("launches");
      // However long it takes: what is left out for want of time is missing in the table.
      run((timed ? tiny + " --seconds 3600" : tiny).split(" "));
      assertTrue(Files.exists(out.resolve(part + ".json")), part);
    }
    Files.writeString(
        out.resolve("peer.json"),
        """
        {"describe": "a peer", "steps": [{"sequences": 1, "length": 64, "full_milliseconds": 9,
         "block_milliseconds": 2, "tokens_per_second": 1e-3},
         {"sequences": 2, "length": 96, "refused": "no memory"}]}
        """);
    Files.writeString(out.resolve("suite.json"), "{\"summary\": \"7 passed\"}");
    Files.writeString(out.resolve("memcheck.json"), "cut o");
    String table = run("results", "--out", out.toString());
    assertTrue(table.contains("emulated sm_90"), table);
    assertTrue(table.contains("suite: 7 passed"), table);
    assertTrue(table.contains("memcheck: not JSON"), table);
    assertTrue(table.contains("racecheck: this part wrote nothing"), table);
    assertTrue(table.contains("head and sample"), table);
    assertTrue(table.contains("B=1048576 L=64: caching 64 tokens"), table);
    for (String loop : new String[] {"none", "lagged", "graph"}) {
      assertTrue(table.contains("loop " + loop + ", B=2 L=64"), table);
    }
    assertTrue(table.contains("peer, B=2 L=96: no memory"), table);

    JsonNode all = new ObjectMapper().readTree(Files.readString(out.resolve("results.json")));
    assertFalse(Files.exists(out.resolve("steps.json")), "the parts' documents are in one");
    assertTrue(all.at("/kernels/complete").asBoolean());
    for (JsonNode row : all.at("/kernels/kernels")) {
      assertTrue(row.get("milliseconds").asDouble() > 0, row.toString());
    }
    JsonNode step = all.at("/steps/steps/0");
    double full = step.get("full_milliseconds").asDouble();
    double block = step.get("block_milliseconds").asDouble();
    assertEquals(32e3 / (full + 31 * block), step.get("tokens_per_second").asDouble(), 1e-6);
    assertEquals(32e3 / (full + 7 * block), step.get("tokens_per_second_four").asDouble(), 1e-6);
    assertTrue(all.at("/launches/bindings_host").asDouble() > 0);
    assertTrue(all.at("/launches/loop/device").asDouble() > 0);
  }

  /** An 8B network reads 15 GB a step, and a token takes 15 GFLOP. */
  @Test
  void leastWorkIsThatOfTheModel() {
    ModelShape shape = ModelShape.LLADA_8B;
    assertEquals(8.0155e9, shape.parameters(), 1e6);
    assertEquals(14.995e9, shape.stepBytes(), 1e7);
    Ceilings h100 = new Ceilings(989, 3350);
    assertEquals(4.48, h100.milliseconds(shape.operations(32, 32), shape.stepBytes()), 0.02);
    assertEquals(0, new Ceilings(0, 0).milliseconds(1e12, 1e12));
  }
}
