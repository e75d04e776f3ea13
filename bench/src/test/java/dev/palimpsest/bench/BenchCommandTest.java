/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
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
  void decodeCountsTokensForwardsAndSteps() {
    JsonNode report =
        json(
            "decode",
            "--model",
            MODEL,
            "--prompt-length",
            "5",
            "--new-tokens",
            "12",
            "--tokens-per-step",
            "2",
            "--block-length",
            "6",
            "--cache",
            "dual",
            "--requests",
            "1",
            "--repeat",
            "2",
            "--warmup",
            "1",
            "--dtype",
            "f32",
            "--price-per-hour",
            "7.2",
            "--json");
    assertEquals(
        List.of(
            "tokens_per_second",
            "forwards",
            "tokens_per_forward",
            "network_calls",
            "wall_ms",
            "ttfb_ms",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "block_step",
            "refresh",
            "between_steps_ms",
            "rejected",
            "cost_per_million_tokens",
            "model",
            "family",
            "prompt_length",
            "new_tokens",
            "block_length",
            "tokens_per_step",
            "threshold",
            "algorithm",
            "cache",
            "cache_refresh",
            "requests",
            "concurrency",
            "rate",
            "seed",
            "price_per_hour",
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
    // Two blocks of 3 steps, the first of each refreshing the cache; the warm-up does not count.
    assertEquals(6, report.get("forwards").asInt());
    assertEquals(6, report.get("network_calls").asInt());
    assertEquals(2, report.get("tokens_per_forward").asDouble());
    assertEquals(2 * 2, report.get("refresh").get("count").asInt());
    assertEquals(2 * 4, report.get("block_step").get("count").asInt());
    assertTrue(
        report.get("block_step").get("p50_ms").asDouble()
            <= report.get("block_step").get("p99_ms").asDouble());
    double first = report.get("ttfb_ms").asDouble();
    assertTrue(first > 0 && first < report.get("p50_ms").asDouble(), report::toString);
    double speed = report.get("tokens_per_second").asDouble();
    assertEquals(7.2 / 3600 / speed * 1e6, report.get("cost_per_million_tokens").asDouble(), 1e-9);
    assertEquals("low-confidence", report.get("algorithm").asString());
    assertEquals("dual", report.get("cache").asString());
  }

  @Test
  void decodeServesManyAtOnceAndByThreshold() {
    JsonNode report =
        json(
            "decode",
            "--model",
            MODEL,
            "--prompt-length",
            "5",
            "--new-tokens",
            "12",
            "--block-length",
            "6",
            "--threshold",
            "1",
            "--requests",
            "5",
            "--concurrency",
            "2",
            "--repeat",
            "1",
            "--warmup",
            "0",
            "--dtype",
            "f32",
            "--json");
    // Nothing is that sure: one token a step, the surest.
    assertEquals(5 * 12, report.get("forwards").asInt());
    int calls = report.get("network_calls").asInt();
    assertTrue(calls >= 5 * 12 / 2 && calls <= 5 * 12, report::toString);
    assertEquals("threshold", report.get("algorithm").asString());
    assertEquals(2, report.get("concurrency").asInt());
    assertTrue(report.get("tokens_per_step").isNull() && report.get("refresh").isNull());
  }

  @Test
  void decodeTakesRulesThatCountNoSteps() {
    JsonNode report =
        json(
            "decode",
            "--model",
            MODEL,
            "--prompt-length",
            "5",
            "--new-tokens",
            "12",
            "--block-length",
            "6",
            "--algorithm",
            "margin-threshold",
            "--threshold",
            "0",
            "--repeat",
            "1",
            "--warmup",
            "0",
            "--dtype",
            "f32",
            "--json");
    // Any margin will do: a block a step.
    assertEquals(2, report.get("forwards").asInt());
    assertEquals("margin-threshold", report.get("algorithm").asString());
    assertTrue(report.get("tokens_per_step").isNull());
  }

  @Test
  void decodeAnswersWhatArrivesAndCountsWhatIsRefused() {
    JsonNode report =
        json(
            "decode",
            "--model",
            MODEL,
            "--prompt-length",
            "5",
            "--new-tokens",
            "600",
            "--block-length",
            "6",
            "--requests",
            "40",
            "--rate",
            "1e6",
            "--max-queued",
            "1",
            "--repeat",
            "1",
            "--warmup",
            "0",
            "--dtype",
            "f32",
            "--json");
    // They come at once, and each takes long enough to be in the way of the others.
    int rejected = report.get("rejected").asInt();
    assertTrue(rejected > 0 && rejected < 40, report::toString);
    assertEquals((40 - rejected) * 200, report.get("forwards").asInt());
    assertEquals(1e6, report.get("rate").asDouble());
    assertEquals(7, report.get("seed").asInt());
    assertTrue(report.get("concurrency").isNull());
  }

  @Test
  void aReportIsSavedBesideWhatIsPrinted(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("new/report.json");
    assertEquals(
        0,
        run(
            "forward",
            "--model",
            MODEL,
            "--length",
            "8",
            "--repeat",
            "1",
            "--warmup",
            "0",
            "--dtype",
            "f32",
            "--save",
            file.toString()),
        err::toString);
    assertTrue(out.toString().startsWith("forward "), out::toString);
    assertEquals(8, new JsonMapper().readTree(Files.readString(file)).get("length").asInt());
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
    assertMistake(
        "--tokens-per-step must be at least 1; found 0",
        "decode",
        "--model",
        MODEL,
        "--tokens-per-step",
        "0");
    assertMistake(
        "expected one of none, prefix, dual", "decode", "--model", MODEL, "--cache", "all");
    assertMistake(
        "mutually exclusive",
        "decode",
        "--model",
        MODEL,
        "--tokens-per-step",
        "2",
        "--threshold",
        "0.9");
    assertMistake(
        "--rate must be more than 0; found 0.0", "decode", "--model", MODEL, "--rate", "0");
    assertMistake("no benchmark matches 'Nothing'", "jmh", "Nothing");
    assertMistake("Missing required option: '--model=PATH'", "profile", "--length", "8");
  }

  @Test
  void aMissingPeerSaysHowToGetIt(@TempDir Path folder) {
    assertMistake(
        "name one with --peer-model",
        "peer-decode",
        "--model",
        MODEL,
        "--llama-cpp",
        folder.toString());
    assertMistake(
        "run bench/peers/llama-cpp/install",
        "peer-decode",
        "--model",
        MODEL + "/model.gguf",
        "--llama-cpp",
        folder.toString());
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
