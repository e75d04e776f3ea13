/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Forward passes through the command, against golden logits and against each other. */
class LogitsTest {
  private static final Path GOLDENS =
      Path.of("..", "runtime", "src", "test", "resources", "goldens");

  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource({
    "llada-tiny,               f32,  1, 1e-5",
    "llada-tiny,               f32,  2, 1e-5",
    "llada-tiny/model.gguf,    f32,  2, 1e-5",
    "llada-tiny,               bf16, 2, 1.5e-2",
    "llada-tiny/model.gguf,    bf16, 2, 1.5e-2",
    "dream-tiny,               f32,  2, 1e-5",
    "dream-tiny/model.gguf,    f32,  1, 1e-5",
    "dream-tiny,               bf16, 2, 1.5e-2",
    "dream-tiny/model.gguf,    bf16, 2, 1.5e-2"
  })
  void goldens(String model, String dtype, int threads, double tolerance) {
    Path golden = GOLDENS.resolve(model.split("/")[0]);
    Path out = temp.resolve("logits.f32");
    logits(GOLDENS.resolve(model), golden.resolve("tokens.txt"), dtype, threads, out);
    double apart = apart(out, golden.resolve("logits.f32"));
    assertTrue(apart <= tolerance, () -> apart + " > " + tolerance);
    if (dtype.equals("bf16")) {
      assertTrue(apart > 1e-5, () -> apart + ": bf16 was asked for");
    }
  }

  /** Odd shapes: one model in both formats computes the same. */
  @ParameterizedTest
  @CsvSource({
    "llada, 3, 60, 5, 5, 77,  203, 1",
    "llada, 2, 72, 6, 3, 100, 97,  37",
    "llada, 1, 40, 2, 1, 19,  33,  65",
    "dream, 3, 84, 7, 1, 51,  131, 33",
    "dream, 2, 64, 2, 2, 96,  300, 17"
  })
  void formatsComputeTheSame(
      String family, int layers, int hidden, int heads, int kv, int ffn, int vocab, int length)
      throws Exception {
    Object[] shape = {
      "synthesize",
      "--family",
      family,
      "--layers",
      layers,
      "--hidden",
      hidden,
      "--heads",
      heads,
      "--kv-heads",
      kv,
      "--ffn",
      ffn,
      "--vocab",
      vocab,
      "--dtype",
      "bf16",
      "--seed",
      length
    };
    Path folder = temp.resolve("folder");
    CommandRun.ok(with(shape, "--out", folder));
    CommandRun.ok(with(shape, "--format", "gguf", "--out", temp.resolve("synthesized.gguf")));
    CommandRun.ok(
        "convert",
        folder,
        "--to",
        "gguf",
        "--out",
        temp.resolve("converted.gguf"),
        "--dtype",
        "f32");
    Path tokens = temp.resolve("tokens.txt");
    SplittableRandom random = new SplittableRandom(vocab);
    Files.writeString(
        tokens,
        IntStream.range(0, length)
            .mapToObj(i -> Integer.toString(random.nextInt(vocab)))
            .collect(Collectors.joining(", ")));
    Path expected = temp.resolve("folder.f32");
    logits(folder, tokens, "f32", 2, expected);
    assertEquals(4L * length * vocab, Files.size(expected));
    for (String name : new String[] {"synthesized", "converted"}) {
      Path out = temp.resolve(name + ".f32");
      logits(temp.resolve(name + ".gguf"), tokens, "f32", 2, out);
      double apart = apart(out, expected);
      assertTrue(apart <= 1e-5, () -> name + ": " + apart);
    }
    // Quantised, it is near and not the same.
    CommandRun.ok(
        "convert", folder, "--to", "gguf", "--dtype", "q8_0", "--out", temp.resolve("q8.gguf"));
    logits(temp.resolve("q8.gguf"), tokens, "f32", 2, temp.resolve("q8.f32"));
    double quantised = apart(temp.resolve("q8.f32"), expected);
    boolean blocks = hidden % 32 == 0 || ffn % 32 == 0;
    assertEquals(blocks, quantised > 1e-5, () -> "q8_0: " + quantised);
    assertTrue(quantised < 0.1, () -> "q8_0: " + quantised);
  }

  @Test
  void tokensThatAreNoneAreRefused() throws Exception {
    Path tokens = temp.resolve("tokens.txt");
    Path out = temp.resolve("x.f32");
    Files.writeString(tokens, "1 2 x");
    Path model = GOLDENS.resolve("llada-tiny");
    CommandRun run = CommandRun.of("logits", "--model", model, "--tokens", tokens, "--out", out);
    assertEquals(1, run.status());
    assertTrue(run.err().contains("'x' is not a token id"), run.err());
    Files.writeString(tokens, "1 2 512");
    run = CommandRun.of("logits", "--model", model, "--tokens", tokens, "--out", out);
    assertEquals(1, run.status());
    assertTrue(run.err().contains("512"), run.err());
    try (var files = Files.list(temp)) {
      assertEquals(1, files.count(), "no output is left behind");
    }
  }

  private static void logits(Path model, Path tokens, String dtype, int threads, Path out) {
    CommandRun.ok(
        "logits",
        "--model",
        model,
        "--tokens",
        tokens,
        "--dtype",
        dtype,
        "--threads",
        threads,
        "--out",
        out);
  }

  private static double apart(Path a, Path b) {
    JsonNode d = JsonMapper.shared().readTree(CommandRun.ok("compare", a, b, "--json"));
    return d.get("relative_l2").doubleValue();
  }

  private static Object[] with(Object[] words, Object... more) {
    return java.util.stream.Stream.concat(
            java.util.Arrays.stream(words), java.util.Arrays.stream(more))
        .toArray();
  }
}
