/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The whole command with a latent model of random weights. */
class LatentEndToEndTest {
  private static final Path JAVA_TINY = Path.of("..", "models", "java-tiny");

  @TempDir static Path temp;
  private static Path model;

  @BeforeAll
  static void synthesize() throws IOException {
    model = temp.resolve("hybrid");
    ok(
        "weights",
        "synthesize",
        "--family",
        "palimpsest-hybrid",
        "--layers",
        "2",
        "--hidden",
        "64",
        "--heads",
        "2",
        "--vocab",
        "4096",
        "--positions",
        "256",
        "--out",
        model.toString());
    // Of another vocabulary, but its MASK and end stand where the tokenizer has text.
    Files.copy(JAVA_TINY.resolve("tokenizer.json"), model.resolve("tokenizer.json"));
  }

  private static String ok(String... arguments) {
    CommandRun run = new CommandRun("").opening(Engine::open);
    assertEquals(0, run.run(arguments), run.err());
    return run.out();
  }

  private static String wrong(int status, String... arguments) {
    CommandRun run = new CommandRun("").opening(Engine::open);
    assertEquals(status, run.run(arguments), run.out());
    assertEquals(1, run.err().lines().count(), run.err());
    return run.err();
  }

  private static String[] with(String... more) {
    return Stream.concat(
            Stream.of("generate", "--model", model.toString(), "-n", "12"), Arrays.stream(more))
        .toArray(String[]::new);
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  @Test
  void generates() {
    JsonNode first = json(ok(with("--steps", "3", "--seed", "5", "--json", "int size() {")));
    assertEquals(4, first.path("steps").asInt());
    assertEquals(12, first.path("new_tokens").asInt());
    assertEquals("palimpsest-hybrid", first.path("family").asString());
    JsonNode second =
        json(
            ok(
                with(
                    "--steps",
                    "3",
                    "--seed",
                    "5",
                    "--json",
                    "--solver",
                    "ddim",
                    "--grid",
                    "uniform",
                    "--churn",
                    "0.5",
                    "--guidance",
                    "1",
                    "--temperature",
                    "0.5",
                    "--refine-steps",
                    "2",
                    "--refine-threshold",
                    "1",
                    "--refine-time",
                    "0.3",
                    "int size() {")));
    assertEquals(6, second.path("steps").asInt());
  }

  @Test
  void watchingShowsTheTextSharpen() {
    String[] infill = {"infill", "--model", model.toString(), "-s", "4", "return [[6]] + 1;"};
    String plain = ok(infill);
    String[] watched = Arrays.copyOf(infill, 7);
    watched[6] = "--watch";
    String shown = ok(watched);
    assertTrue(shown.endsWith(plain), shown);
    // The start, four steps of which three show what the one before found, and the decoder's.
    assertEquals(6, shown.lines().filter(line -> line.startsWith("--- step")).count(), shown);
    assertTrue(shown.contains("«") || shown.contains("‹"), shown);
  }

  @Test
  void aTextLongerThanTheModelWasTrainedOnIsWrittenInBlocks() {
    JsonNode document =
        json(
            ok(
                "generate",
                "--model",
                model.toString(),
                "-n",
                "200",
                "-s",
                "2",
                "--json",
                "int size() {"));
    assertEquals(200, document.path("new_tokens").asInt());
    assertTrue(document.path("steps").asInt() >= 9, document.toString());
  }

  @Test
  void whatOnlyTheOtherKindOfModelKnowsIsRefused() {
    assertTrue(wrong(2, with("--threshold", "0.9", "x")).contains("has no use for threshold 0.9"));
    assertTrue(wrong(2, with("--top-k", "5", "x")).contains("has no use for top-k 5"));
    assertTrue(
        wrong(2, "generate", "--model", JAVA_TINY.toString(), "--solver", "ddim", "x")
            .contains("solver ddim is for latent models"));
    assertTrue(wrong(2, with("--solver", "heun", "x")).contains("euler, ddim, dpm++2m"));
    assertTrue(
        wrong(2, with("--solver", "euler", "--churn", "1", "x"))
            .contains("euler has no use for churn"));
    assertTrue(wrong(2, with("--grid", "quantiles", "x")).contains("no sampling.quantiles"));
  }

  @Test
  void inspectUnderstandsIt() {
    JsonNode document = json(ok("weights", "inspect", model.toString(), "--json"));
    assertTrue(document.path("runs").asBoolean(), document.toString());
    assertEquals("palimpsest-hybrid", document.path("config").path("family").asString());
    assertEquals(512, document.path("config").path("latent_codes").asInt());
    String page = ok("weights", "inspect", model.toString());
    assertTrue(page.contains("latent codes    512"), page);
    assertTrue(page.contains("yes, from noise"), page);
  }
}
