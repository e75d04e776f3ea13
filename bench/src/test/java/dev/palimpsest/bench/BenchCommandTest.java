/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchCommandTest {
  /** A tiny checkpoint of the runtime's own tests. */
  private static final String MODEL = "../runtime/src/test/resources/goldens/llada-tiny";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = BenchCommand.commandLine();
    line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  private JsonNode json(String... arguments) {
    assertEquals(0, run(arguments), err::toString);
    return new JsonMapper().readTree(out.toString());
  }

  private static List<String> names(JsonNode node) {
    return new ArrayList<>(node.propertyNames());
  }

  @Test
  void forwardPrintsItsTimesAndConditions() {
    JsonNode report =
        json(
            "forward",
            "--model",
            MODEL,
            "--length",
            "24",
            "--dtype",
            "f32",
            "--repeat",
            "4",
            "--warmup",
            "1",
            "--threads",
            "1",
            "--json");
    assertEquals(
        List.of(
            "median_ms",
            "best_ms",
            "tokens_per_second",
            "model",
            "family",
            "parameters",
            "length",
            "logits",
            "dtype",
            "threads",
            "device",
            "warmup",
            "repeat",
            "cpu",
            "processors",
            "os",
            "jdk",
            "version",
            "commit"),
        names(report));
    double median = report.get("median_ms").asDouble();
    assertTrue(median > 0 && report.get("best_ms").asDouble() <= median, report::toString);
    assertEquals(24 / median * 1e3, report.get("tokens_per_second").asDouble(), 1e-6 / median);
    // 2 tables of 512 x 64 and 3 layers of 4 x 64 x 64 + 3 x 64 x 160 + 2 norms, and the last norm.
    assertEquals(
        2 * 512 * 64 + 3 * (4 * 64 * 64 + 3 * 64 * 160 + 2 * 64) + 64,
        report.get("parameters").asLong());
    assertEquals("llada", report.get("family").asString());
    assertEquals("f32", report.get("dtype").asString());
    assertEquals("all", report.get("logits").asString());
    assertEquals(24, report.get("length").asInt());
    assertEquals(4, report.get("repeat").asInt());
    assertEquals(1, report.get("threads").asInt());
    assertNotEquals("unknown", report.get("version").asString());
    assertTrue(!report.get("version").asString().contains("$"), report::toString);
  }

  @Test
  void forwardCountsOnlyTheLogitsAskedFor() {
    for (String logits : List.of("none", "3", "all")) {
      out.getBuffer().setLength(0);
      JsonNode report =
          json(
              "profile",
              "--model",
              MODEL,
              "--length",
              "16",
              "--dtype",
              "f32",
              "--repeat",
              "2",
              "--warmup",
              "0",
              "--logits",
              logits,
              "--json");
      assertEquals(logits, report.get("logits").asString());
      List<String> heads = new ArrayList<>();
      double share = 0;
      for (JsonNode op : report.get("ops")) {
        if (List.of("predict", "logits").contains(op.get("op").asString())) {
          heads.add(op.get("op").asString() + " " + op.get("shape").asString());
        }
        share += op.get("share").asDouble();
      }
      assertEquals(
          switch (logits) {
            case "none" -> List.of();
            case "3" -> List.of("predict 3 x 64 -> 512");
            default -> List.of("logits 16 x 64 -> 512");
          },
          heads);
      assertTrue(share > 0 && share <= 1, "ops take part of the forward: " + share);
      assertEquals(
          report.get("ops_ms").asDouble() / report.get("forward_ms").asDouble(), share, 1e-9);
    }
  }

  @Test
  void generateCountsTokensAndForwards() {
    JsonNode report =
        json(
            "generate",
            "--model",
            MODEL,
            "--prompt-length",
            "5",
            "--new-tokens",
            "12",
            "--steps",
            "4",
            "--block-length",
            "6",
            "--requests",
            "3",
            "--repeat",
            "2",
            "--warmup",
            "1",
            "--dtype",
            "f32",
            "--json");
    assertEquals(3 * 4, report.get("forwards").asInt());
    assertEquals(3, report.get("tokens_per_forward").asDouble());
    double wall = report.get("wall_ms").asDouble();
    assertEquals(3 * 12 / wall * 1e3, report.get("tokens_per_second").asDouble(), 1e-6 / wall);
    assertEquals(wall / 4, report.get("ms_per_step").asDouble(), 1e-9);
    assertTrue(report.get("p50_ms").asDouble() <= report.get("p99_ms").asDouble());
    assertEquals("low-confidence", report.get("algorithm").asString());
  }

  @Test
  void tablesAreForPeople() {
    assertEquals(
        0,
        run(
            "profile",
            "--model",
            MODEL,
            "--length",
            "8",
            "--repeat",
            "1",
            "--warmup",
            "0",
            "--threads",
            "1"),
        err::toString);
    String table = out.toString();
    for (String part :
        List.of("op ", "GFLOP/s", "attention", "sum of ops", "whole forward", "tokens/s")) {
      assertTrue(table.contains(part), () -> part + " is missing in\n" + table);
    }
  }

  @Test
  void mistakesNameTheOption(@TempDir Path folder) {
    assertMistake(
        "--length must be at least 1; found 0", "forward", "--model", MODEL, "--length", "0");
    assertMistake("found 'most'", "forward", "--model", MODEL, "--length", "8", "--logits", "most");
    assertMistake("found 'f64'", "forward", "--model", MODEL, "--length", "8", "--dtype", "f64");
    assertMistake(
        "--threads must be at least 0; found -1",
        "forward",
        "--model",
        MODEL,
        "--length",
        "8",
        "--threads",
        "-1");
    assertMistake(
        folder.resolve("none").toString(),
        "forward",
        "--model",
        folder.resolve("none").toString(),
        "--length",
        "8");
    assertMistake("no benchmark matches 'Nothing'", "jmh", "Nothing");
    assertMistake("Missing required option: '--model=PATH'", "profile", "--length", "8");
  }

  @Test
  void aMissingPeerSaysHowToGetIt(@TempDir Path folder) {
    assertMistake(
        "run bench/peers/llama-cpp/install",
        "peer-forward",
        "--model",
        MODEL,
        "--peer-model",
        MODEL + "/model.gguf",
        "--length",
        "8",
        "--llama-cpp",
        folder.toString());
  }

  private void assertMistake(String part, String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    assertNotEquals(0, run(arguments), String.join(" ", arguments));
    assertTrue(err.toString().contains(part), () -> part + " is missing in\n" + err);
    assertEquals("", out.toString());
  }
}
