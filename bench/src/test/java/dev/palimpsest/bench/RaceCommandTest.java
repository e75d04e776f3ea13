/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RaceCommandTest {
  private static final String GOLDENS = "../runtime/src/test/resources/goldens/";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = BenchCommand.commandLine();
    line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  /** A masked and a latent model, alone and two requests at once. */
  @Test
  void everyModelRunsEveryLoad() {
    String masked = GOLDENS + "llada-tiny,steps=3";
    String latent = GOLDENS + "latent-tiny,steps=4";
    String[] arguments = {
      "race",
      masked,
      latent,
      "--prompt-length",
      "2",
      "--new-tokens",
      "6",
      "--requests",
      "1,2",
      "--repeat",
      "3",
      "--warmup",
      "0",
      "--threads",
      "1",
      "--dtype",
      "f32",
      "--json"
    };
    assertEquals(0, run(arguments), err::toString);
    JsonNode report = new JsonMapper().readTree(out.toString());
    List<JsonNode> results = new ArrayList<>();
    report.get("results").forEach(results::add);
    assertEquals(
        List.of(masked + " 1", latent + " 1", masked + " 2", latent + " 2"),
        results.stream()
            .map(r -> r.get("entry").asString() + " " + r.get("requests").asInt())
            .toList());
    // The latent model decodes once after its steps.
    assertEquals(
        List.of(3.0, 5.0, 3.0, 5.0),
        results.stream().map(r -> r.get("network_calls").asDouble()).toList());
    assertTrue(
        StreamSupport.stream(report.get("results").spliterator(), false)
            .allMatch(r -> r.get("tokens_per_second").asDouble() > 0),
        report::toString);
    assertEquals(1, results.get(0).get("ratio").asDouble());
    assertEquals(1, results.get(2).get("ratio").asDouble());
  }

  @Test
  void stepsAreRead() {
    assertEquals(2, run("race", GOLDENS + "llada-tiny,steps=0"));
    assertTrue(err.toString().contains("PATH[,steps=N]"), err::toString);
  }
}
