/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CoherenceCommandTest {
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
            .execute(Arrays.stream(words).map(Object::toString).toArray(String[]::new));
    return new Outcome(status, out.toString(), err.toString());
  }

  /** Random weights with java-tiny's tokenizer; −1 makes them causal. */
  private Path model(String name, int mask, int positions) throws IOException {
    DenoiserShape shape = new DenoiserShape(4096, 16, 1, 2, 24, 64, mask, BytePairTrainer.END_ID);
    Path folder = temp.resolve(name);
    try (Denoiser network = new Denoiser(shape, 3, false)) {
      LladaFolder.write(
          folder,
          shape,
          network.values(),
          DType.F32,
          positions,
          TINY.resolve("tokenizer.json"),
          Map.of("format", "pt"));
    }
    return folder;
  }

  /** A work folder of the few files that are kept beside java-tiny. */
  private Path work() throws IOException {
    Path work = Files.createDirectories(temp.resolve("work"));
    Path tokenizer = Files.copy(TINY.resolve("tokenizer.json"), work.resolve("tokenizer.json"));
    List<String> files = new ArrayList<>();
    try (Stream<Path> all = Files.walk(TINY.resolve("held-out"))) {
      for (Path file : all.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
        files.add(Files.readString(file));
      }
    }
    int half = files.size() / 2;
    TokenFile.write(
        work.resolve("train.tokens"), files.subList(0, half), tokenizer, BytePairTrainer.END_ID);
    TokenFile.write(
        work.resolve("held-out.tokens"),
        files.subList(half, files.size()),
        tokenizer,
        BytePairTrainer.END_ID);
    return work;
  }

  @Test
  void everyKindWritesFurtherThanItWasTrained() throws IOException {
    Outcome outcome =
        execute(
            "coherence",
            LATENT,
            model("masked", BytePairTrainer.MASK_ID, 128),
            model("causal", -1, 128),
            "--work=" + work(),
            "--tokens=128,256",
            "--texts=3",
            "--one-canvas=2",
            "--window=64",
            "--given=32",
            "--steps=1",
            "--block-length=16",
            "--tokens-per-step=16",
            "--dtype=F32",
            "--json");
    assertEquals("", outcome.err());
    JsonNode report = JsonMapper.shared().readTree(outcome.out());
    JsonNode written = report.path("written");
    assertEquals(8, written.size());
    assertEquals(
        "blocks of 64 in windows of 128, 1 calls each", written.get(0).path("way").asString());
    assertTrue(written.get(1).path("way").asString().startsWith("windows of 64"));
    assertTrue(written.get(2).path("way").asString().startsWith("one canvas of 160"));
    assertEquals(128, written.get(2).path("tokens").asInt());
    assertEquals(256, written.get(6).path("tokens").asInt());
    assertEquals("one canvas of 288, greedy", written.get(6).path("way").asString());
    for (JsonNode some : written) {
      JsonNode rows = some.path("rows");
      assertEquals(
          some.path("tokens").asInt(), rows.get(rows.size() - 1).path("window").path("to").asInt());
      for (JsonNode row : rows) {
        assertTrue(row.path("nats").path("error").isNumber());
      }
    }
    // Random weights write what no 5-gram expects; a trained model does not, nor do people.
    assertTrue(nats(written, 7) < nats(written, 0));
    assertTrue(nats(written, 0) < nats(written, 1));
    assertTrue(nats(written, 0) < nats(written, 4));
    assertEquals("originals", written.get(7).path("model").asString());
    // A causal model has no masked tokens.
    assertEquals(1, report.path("losses").size());
    JsonNode losses = report.path("losses").get(0).path("rows");
    assertEquals(2 + 1 + 2, losses.size());
    assertEquals(64, losses.get(0).path("canvas").asInt());
    assertEquals(0, losses.get(0).path("more").path("value").asDouble());
    assertTrue(losses.get(4).path("more").path("value").asDouble() != 0);
    assertEquals(Math.log(4096), losses.get(4).path("nats").path("value").asDouble(), 1);
    // Nothing was written into the checkpoint.
    assertEquals(
        128,
        JsonMapper.shared()
            .readTree(Files.readString(temp.resolve("masked/config.json")))
            .path("max_sequence_length")
            .asInt());
  }

  private static double nats(JsonNode written, int at) {
    return written.get(at).path("rows").get(0).path("nats").path("value").asDouble();
  }

  @Test
  void tablesArePrintedWithTheirCommand() throws IOException {
    Outcome outcome =
        execute(
            "coherence",
            model("masked", BytePairTrainer.MASK_ID, 512),
            "--work=" + work(),
            "--tokens=128",
            "--texts=2",
            "--one-canvas=0",
            "--window=64",
            "--tokens-per-step=16");
    assertEquals("", outcome.err());
    assertTrue(outcome.out().contains("--tokens 128 --texts 2 --one-canvas 0"), outcome.out());
    assertTrue(outcome.out().contains("greedy, 2 texts | 0–127 | "), outcome.out());
    assertTrue(outcome.out().contains("| originals, 2 texts | 0–127 | "), outcome.out());
    assertTrue(
        outcome.out().contains("| positions | canvas of 64 | canvas of 128 |"), outcome.out());
  }

  @Test
  void whatCannotBeAskedIsRefusedByName() throws IOException {
    Path work = work();
    assertTrue(
        execute("coherence", TINY, "--work=" + work, "--tokens=100").err().contains("--tokens"));
    assertTrue(
        execute("coherence", TINY, "--work=" + work, "--one-canvas=1")
            .err()
            .contains("--one-canvas"));
    assertTrue(
        execute("coherence", TINY, "--work=" + work, "--texts=60").err().contains("--texts"));
    Files.writeString(
        work.resolve("tokenizer.json"),
        Files.readString(work.resolve("tokenizer.json")).replace("\"1.0\"", "\"1.1\""));
    assertTrue(execute("coherence", TINY, "--work=" + work).err().contains("different tokenizers"));
  }
}
