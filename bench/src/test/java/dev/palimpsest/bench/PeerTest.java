/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against the real llama.cpp, where {@code bench/peers/llama-cpp/install} has put it. */
class PeerTest {
  private static final Path LIBRARIES =
      Path.of("peers/llama-cpp/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64");
  private static final String MODELS = "../runtime/src/test/resources/goldens/";

  @BeforeEach
  void installed() {
    assumeTrue(Files.isDirectory(LIBRARIES), "llama.cpp is not installed");
  }

  /** On one thread: its threads spin, and a machine that runs tests is busy. */
  private static JsonNode json(String command, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        BenchCommand.commandLine()
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err, true))
            .execute(
                Stream.concat(
                        Stream.of(
                            command,
                            "--llama-cpp",
                            LIBRARIES.toString(),
                            "--llama-threads",
                            "1",
                            "--json"),
                        Stream.of(arguments))
                    .toArray(String[]::new));
    assertEquals(0, status, err::toString);
    return new JsonMapper().readTree(out.toString());
  }

  @Test
  void theSameForward() {
    JsonNode report =
        json(
            "peer-forward",
            "--model",
            MODELS + "llada-tiny/model.gguf",
            "--length",
            "24",
            "--dtype",
            "f32",
            "--repeat",
            "1",
            "--warmup",
            "0");
    assertTrue(report.get("relative_error").asDouble() < 1e-2, report::toString);
    String backend = report.get("peer_backend").asString();
    double best = Double.POSITIVE_INFINITY;
    double chosen = 0;
    for (JsonNode trial : report.get("peer_backends")) {
      if (!trial.get("ms").isNull()) {
        best = Math.min(best, trial.get("ms").asDouble());
        chosen =
            trial.get("backend").asString().equals(backend) ? trial.get("ms").asDouble() : chosen;
      }
    }
    assertEquals(best, chosen, "the fastest is measured");
  }

  @Test
  void theSameGenerationsStepByStep() {
    for (String model : List.of("llada-tiny", "dream-tiny")) {
      JsonNode report =
          json(
              "peer-decode",
              "--model",
              MODELS + model + "/model.gguf",
              "--llama-backend",
              "x64",
              "--dtype",
              "f32",
              "--prompt-length",
              "9",
              "--new-tokens",
              "24",
              "--block-length",
              "8",
              "--tokens-per-step",
              "2",
              "--peer-steps",
              "0",
              "--repeat",
              "1",
              "--warmup",
              "0");
      assertEquals(12, report.get("steps").asInt());
      assertEquals(12, report.get("peer_steps").asInt());
      JsonNode agreement = report.get("agreement");
      assertEquals(12, agreement.get("steps").asInt());
      assertEquals(12, agreement.get("equal_steps").asInt(), agreement::toString);
      assertEquals(24, agreement.get("equal_tokens").asInt(), agreement::toString);
      assertEquals(
          report.get("tokens_per_second").asDouble()
              / report.get("peer_tokens_per_second").asDouble(),
          report.get("ratio").asDouble(),
          1e-9);
      assertEquals("x64", report.get("autoregressive").get("backend").asString());
      assertTrue(report.get("autoregressive").get("tokens_per_second").asDouble() > 0);
    }
  }

  @Test
  void aSweepMeasuresWhatDiffersAndDrawsIt(@TempDir Path folder) throws Exception {
    Path svg = folder.resolve("sweep.svg");
    JsonNode report =
        json(
            "sweep",
            "--model",
            MODELS + "llada-tiny",
            "--peer-model",
            MODELS + "llada-tiny/model.gguf",
            "--llama-backend",
            "x64",
            "--dtype",
            "f32",
            "--prompt-length",
            "9",
            "--new-tokens",
            "16",
            "--block-length",
            "8",
            "--tokens-per-step",
            "2,8",
            "--cache",
            "none,dual",
            "--cache-refresh",
            "0,2,4",
            "--repeat",
            "2",
            "--seconds",
            "0",
            "--svg",
            svg.toString());
    List<String> cells = new ArrayList<>();
    for (JsonNode cell : report.get("cells")) {
      cells.add(
          cell.get("cache").asString()
              + "/"
              + cell.get("cache_refresh").asInt()
              + "/"
              + cell.get("tokens_per_step").asInt());
      assertEquals(1, cell.get("runs").asInt(), "no time for more");
      assertTrue(cell.get("tokens_per_second").asDouble() > 0);
    }
    // A block of 8 takes 4 steps or 1, so a refresh every 4 steps changes nothing.
    assertEquals(List.of("none/0/2", "none/0/8", "dual/0/2", "dual/0/8", "dual/2/2"), cells);
    assertEquals(2, report.get("autoregressive").get(0).get("runs").asInt());
    assertEquals(3, report.get("overtakes").size());
    assertTrue(Files.readString(svg).startsWith("<svg "));
  }
}
