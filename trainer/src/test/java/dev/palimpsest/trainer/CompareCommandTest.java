/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CompareCommandTest {
  private static final Path TINY = Path.of("../models/java-tiny");
  private static final Path LATENT = Path.of("../models/java-latent");

  @TempDir Path temp;

  private record Outcome(int status, String out, String err) {}

  private static Outcome execute(Object... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        TrainCommand.commandLine()
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(java.util.Arrays.stream(words).map(Object::toString).toArray(String[]::new));
    return new Outcome(status, out.toString(), err.toString());
  }

  /** Random weights in the shape of a causal model, with java-tiny's tokenizer. */
  private Path causal() throws IOException {
    DenoiserShape shape = new DenoiserShape(4096, 16, 1, 2, 24, 128, -1, BytePairTrainer.END_ID);
    Path folder = temp.resolve("causal");
    try (Denoiser network = new Denoiser(shape, 3, false)) {
      LladaFolder.write(
          folder,
          shape,
          network.values(),
          DType.F32,
          128,
          TINY.resolve("tokenizer.json"),
          Map.of("format", "pt"));
    }
    return folder;
  }

  @Test
  void threeKindsAreAskedForTheSame() throws IOException {
    Object[] words = {
      "compare",
      TINY,
      LATENT,
      causal(),
      "--text=" + TINY.resolve("held-out"),
      "--calls=1,2",
      "--holes=6",
      "--methods=2",
      "--dtype=F32",
      "--json"
    };
    Outcome outcome = execute(words);
    assertEquals("", outcome.err());
    JsonNode report = JsonMapper.shared().readTree(outcome.out());
    JsonNode rows = report.path("rows");
    assertEquals(5, rows.size());
    assertEquals("1 step", rows.get(0).path("written").asString());
    assertEquals("2 steps", rows.get(3).path("written").asString());
    assertEquals(LATENT.toString(), rows.get(3).path("model").asString());
    assertEquals("left to right", rows.get(4).path("written").asString());
    // Trained models find some tokens, random weights none.
    assertTrue(rows.get(0).path("infills").get(0).path("exact").asDouble() > 0);
    assertEquals(0, rows.get(4).path("infills").get(0).path("exact").asDouble());
    // One token is one token, in as many steps as you like; eight are not.
    assertEquals(infill(rows, 0, 0), infill(rows, 1, 0));
    assertNotEquals(infill(rows, 0, 1), infill(rows, 1, 1));
    for (JsonNode row : rows) {
      assertTrue(row.path("tokensPerSecond").asDouble() > 0);
      assertTrue(row.path("diversity").path("distinct").asDouble() <= 1);
    }
    assertEquals(1, report.path("originals").path("completion").path("similarity").asDouble());
  }

  private static JsonNode infill(JsonNode rows, int row, int kind) {
    return rows.get(row).path("infills").get(kind);
  }

  @Test
  void aTableIsPrintedWithItsCommand() throws IOException {
    Outcome outcome =
        execute(
            "compare",
            causal(),
            "--text=" + TINY.resolve("held-out"),
            "--holes=1",
            "--methods=1",
            "--length=96");
    assertEquals("", outcome.err());
    assertTrue(outcome.out().contains("--holes 1 --methods 1 --length 96"), outcome.out());
    assertTrue(outcome.out().contains("| model | written in | 1 token | 8 tokens | one line |"));
    assertTrue(outcome.out().contains("(1 methods of at most 48 tokens)"), outcome.out());
    assertTrue(outcome.out().contains("causal | left to right | "), outcome.out());
    assertTrue(outcome.out().contains("| originals |  | 100.0 % |"), outcome.out());
  }

  @Test
  void otherTokenizersAreRefused() throws IOException {
    Path other = causal();
    Files.writeString(
        other.resolve("tokenizer.json"),
        Files.readString(other.resolve("tokenizer.json")).replace("\"1.0\"", "\"1.1\""));
    Outcome outcome = execute("compare", TINY, other, "--text=" + TINY.resolve("held-out"));
    assertEquals(1, outcome.status());
    assertTrue(outcome.err().contains("differ"), outcome.err());
    assertEquals(1, execute("compare", TINY, "--length=16").status());
  }
}
