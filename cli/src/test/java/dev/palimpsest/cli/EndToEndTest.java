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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands with a real engine: the model that comes along, and the reference traces. */
class EndToEndTest {
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final Path GOLDENS = ROOT.resolve("runtime/src/test/resources/goldens");
  private static final String JAVA_TINY = ROOT.resolve("models").resolve("java-tiny").toString();

  private static CommandRun command() {
    return new CommandRun("").opening(Engine::open);
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  @Test
  void generateGoesOnFromThePromptAndRepeatsItself() {
    String[] arguments = {
      "generate",
      "-m",
      JAVA_TINY,
      "-n",
      "24",
      "-s",
      "6",
      "-t",
      "0.8",
      "--seed",
      "5",
      "--json",
      "public int size() {"
    };
    CommandRun first = command();
    assertEquals(0, first.run(arguments), first.err());
    JsonNode document = json(first.out());
    assertTrue(document.path("text").asString().startsWith("public int size() {"), first.out());
    assertEquals(24, document.path("new_tokens").asInt());
    CommandRun second = command();
    assertEquals(0, second.run(arguments), second.err());
    assertEquals(document.path("tokens"), json(second.out()).path("tokens"));
  }

  /** The tests' JVM is told of a driver that does not exist. */
  @Test
  void cudaWithoutADriverIsOneLineThatSaysWhy() {
    CommandRun run = command();
    assertEquals(1, run.run("generate", "-m", JAVA_TINY, "--device", "cuda", "x"), run.err());
    assertTrue(run.err().contains("device CUDA was asked for"), run.err());
    assertTrue(run.err().contains("the CUDA driver is not available"), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
  }

  /** Left to right, a token a step, whatever the cache; what is said of diffusion is refused. */
  @Test
  void generateRunsACausalModel(@TempDir Path temp) throws IOException {
    String model = temp.resolve("llama").toString();
    CommandRun made = command();
    String shape = "--layers 1 --hidden 32 --heads 2 --vocab 4096 --positions 64";
    String[] synthesize =
        ("weights synthesize --family llama --dtype f32 " + shape + " --out " + model).split(" ");
    assertEquals(0, made.run(synthesize), made.err());
    Files.copy(Path.of(JAVA_TINY, "tokenizer.json"), Path.of(model).resolve("tokenizer.json"));
    CommandRun kept = command();
    String[] words = {"generate", "-m", model, "-n", "12", "-t", "1", "--json", "int x"};
    assertEquals(0, kept.run(words), kept.err());
    JsonNode document = json(kept.out());
    assertEquals(12, document.path("steps").asInt(), kept.out());
    CommandRun again = command();
    String[] none = {
      "generate", "-m", model, "-n", "12", "-t", "1", "--cache", "none", "--json", "int x"
    };
    assertEquals(0, again.run(none), again.err());
    assertEquals(document.path("tokens"), json(again.out()).path("tokens"));
    CommandRun watched = command();
    assertEquals(0, watched.run("generate", "-m", model, "-n", "3", "-w", "int x"), watched.err());
    assertEquals(4, watched.out().lines().filter(line -> line.startsWith("--- step")).count());
    CommandRun steps = command();
    assertEquals(2, steps.run("generate", "-m", model, "-s", "4", "int x"), steps.out());
    assertTrue(steps.err().contains("one token a step"), steps.err());
    CommandRun infill = command();
    assertEquals(2, infill.run("infill", "-m", model, "int [[2]] = 1;"), infill.out());
    assertTrue(infill.err().contains("text follows a hole"), infill.err());
  }

  @Test
  void watchingDoesNotChangeTheText() {
    CommandRun watched = command();
    CommandRun plain = command();
    assertEquals(0, plain.run("infill", "-m", JAVA_TINY, "return [[6]];"), plain.err());
    assertEquals(0, watched.run("infill", "-m", JAVA_TINY, "-w", "return [[6]];"), watched.err());
    assertTrue(watched.out().endsWith(plain.out()), watched.out());
    assertEquals(7, watched.out().lines().filter(line -> line.startsWith("--- step")).count());
  }

  @ParameterizedTest
  @CsvSource({
    "llada-tiny, trace-low-confidence, --steps 16 --block-length 16",
    "llada-tiny, trace-threshold, --threshold 0.07 --block-length 16",
    "dream-tiny, trace-entropy, --steps 16",
  })
  void tracesAreThoseOfTheReferences(String model, String trace, String options)
      throws IOException {
    Path file = GOLDENS.resolve(model).resolve(trace + ".json");
    JsonNode golden = json(Files.readString(file));
    String line =
        "trace --new-tokens 32 --temperature 0 --dtype f32 --json --algorithm "
            + trace.substring("trace-".length())
            + " "
            + options;
    for (String form : new String[] {"", "model.gguf"}) {
      for (String vector : new String[] {"on", "off"}) {
        CommandRun run = command();
        String[] arguments =
            Stream.concat(
                    Arrays.stream(line.split(" ")),
                    Stream.of(
                        "-m",
                        GOLDENS.resolve(model).resolve(form).toString(),
                        "--vector",
                        vector,
                        "--prompt-tokens",
                        file.toString()))
                .toArray(String[]::new);
        assertEquals(0, run.run(arguments), run.err());
        JsonNode traced = json(run.out());
        assertEquals(golden.path("prompt"), traced.path("prompt"));
        assertEquals(golden.path("steps"), traced.path("steps"), model + "/" + form + " " + vector);
      }
    }
  }

  /** A model that attends in blocks: by its own cache, and without one. */
  @ParameterizedTest
  @CsvSource({
    "trace-static, --algorithm low-confidence --steps 28",
    "trace-static, --algorithm low-confidence --steps 28 --cache none",
    "trace-dynamic, --threshold 0.3",
    "trace-dynamic, --threshold 0.3 --cache block",
  })
  void sdarTracesAreThoseOfTheReference(String trace, String options) throws IOException {
    Path file = GOLDENS.resolve("sdar-tiny").resolve(trace + ".json");
    JsonNode golden = json(Files.readString(file));
    CommandRun run = command();
    String[] arguments =
        Stream.concat(
                Arrays.stream(("trace --new-tokens 26 --dtype f32 --json " + options).split(" ")),
                Stream.of(
                    "-m",
                    GOLDENS.resolve("sdar-tiny").toString(),
                    "--prompt-tokens",
                    file.toString()))
            .toArray(String[]::new);
    assertEquals(0, run.run(arguments), run.err());
    assertEquals(golden.path("steps"), json(run.out()).path("steps"));
  }
}
