/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.family.Families;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ConvertTest {
  @TempDir Path temp;

  private static final Object[] SHAPE = {
    "--layers", 2, "--hidden", 96, "--heads", 6, "--kv-heads", 2, "--ffn", 160, "--vocab", 131
  };

  /** Safetensors to GGUF and back gives the same bytes. */
  @ParameterizedTest
  @CsvSource({"llada,bf16", "llada,f32", "llada,f16", "dream,bf16", "dream,f32"})
  void roundTripIsExact(String family, String dtype) throws Exception {
    Path a = temp.resolve("a");
    synthesize(family, dtype, "safetensors", a);
    Files.writeString(a.resolve("tokenizer.json"), "{\"model\": \"☃\"}");
    Path gguf = temp.resolve("g").resolve("x.gguf");
    Path b = temp.resolve("b");
    CommandRun.ok("convert", a, "--to", "gguf", "--out", gguf);
    CommandRun.ok("convert", gguf, "--to", "safetensors", "--out", b);
    assertEquals(
        -1,
        Files.mismatch(a.resolve("model.safetensors"), b.resolve("model.safetensors")),
        "the same tensors, in the same order");
    assertEquals(json(a.resolve("config.json")), json(b.resolve("config.json")));
    assertEquals(-1, Files.mismatch(a.resolve("tokenizer.json"), b.resolve("tokenizer.json")));
    JsonNode compared = JsonMapper.shared().readTree(CommandRun.ok("compare", a, gguf, "--json"));
    assertEquals(0.0, compared.get("max_abs").doubleValue());
    // Alone, the GGUF file still has its tokenizer.
    Files.delete(gguf.resolveSibling("tokenizer.json"));
    Path c = temp.resolve("c");
    CommandRun.ok("convert", gguf, "--to", "safetensors", "--out", c);
    assertEquals(-1, Files.mismatch(a.resolve("tokenizer.json"), c.resolve("tokenizer.json")));
  }

  /** The same seed is the same model in both formats, byte for byte what convert makes of it. */
  @ParameterizedTest
  @CsvSource({"llada,bf16", "dream,f32", "llama,bf16"})
  void synthesizedFormatsAgree(String family, String dtype) throws Exception {
    Path a = temp.resolve("a");
    Path g = temp.resolve("g");
    synthesize(family, dtype, "safetensors", a);
    synthesize(family, dtype, "gguf", g);
    JsonNode d = JsonMapper.shared().readTree(CommandRun.ok("compare", a, g, "--json"));
    assertEquals(0, d.get("different").intValue());
    assertTrue(d.get("count").intValue() > 100_000);
    try (Checkpoint x = Checkpoints.open(a);
        Checkpoint y = Checkpoints.open(g.resolve("model.gguf"))) {
      assertEquals(Families.describe(x).config().heads(), Families.describe(y).config().heads());
      boolean causal = family.equals("llama");
      assertEquals(causal, Families.describe(y).config().causal());
      assertEquals(causal ? -1 : 130, Families.describe(y).config().maskToken());
      // In the file the rows differ: only their reordering makes them the same.
      String q =
          Families.of(x)
              .folderNames()
              .weight(0, family.equals("llada") ? "q_proj" : "self_attn.q_proj");
      boolean sameBytes =
          x.tensor(q).memory().mismatch(y.tensor("blk.0.attn_q.weight").memory()) < 0;
      assertEquals(family.equals("dream"), sameBytes);
    }
  }

  @Test
  void seedsDecide() throws Exception {
    synthesize("llada", "bf16", "safetensors", temp.resolve("a"));
    synthesize("llada", "bf16", "safetensors", temp.resolve("b"));
    assertEquals(
        -1,
        Files.mismatch(temp.resolve("a/model.safetensors"), temp.resolve("b/model.safetensors")));
    CommandRun.ok(with("synthesize", "--family", "llada", "--out", temp.resolve("c"), "--seed", 8));
    assertNotEquals(
        -1,
        Files.mismatch(temp.resolve("a/model.safetensors"), temp.resolve("c/model.safetensors")));
  }

  /** Rows of 48 and 100 are not whole blocks of 32: nothing is quantised, and that is said. */
  @Test
  void saysWhatItCouldNotQuantise() {
    Path a = temp.resolve("a");
    CommandRun.ok(
        "synthesize",
        "--family",
        "llada",
        "--layers",
        1,
        "--hidden",
        48,
        "--heads",
        3,
        "--ffn",
        100,
        "--vocab",
        33,
        "--out",
        a);
    CommandRun run =
        CommandRun.of("convert", a, "--to", "gguf", "--dtype", "q8_0", "--out", temp.resolve("g"));
    assertEquals(0, run.status(), run.err());
    assertTrue(
        run.err()
            .startsWith("9 matrices kept their type, as their rows are not whole blocks of 32"),
        run.err());
    CommandRun fine =
        CommandRun.of("convert", a, "--to", "gguf", "--dtype", "f32", "--out", temp.resolve("f"));
    assertEquals("", fine.err());
  }

  @Test
  void aModelThatDoesNotFitLeavesNothing() throws IOException {
    for (String family : List.of("llada", "palimpsest-hybrid")) {
      Path folder = temp.resolve(family);
      CommandRun run =
          CommandRun.of(
              "synthesize",
              "--family",
              family,
              "--layers",
              1024,
              "--hidden",
              1 << 16,
              "--heads",
              64,
              "--out",
              folder);
      assertEquals(1, run.status());
      assertTrue(run.err().contains("are free there"), run.err());
      try (var left = Files.list(folder)) {
        assertEquals(List.of(), left.toList());
      }
    }
  }

  @Test
  void quantisesWhatItCan() {
    Path a = temp.resolve("a");
    synthesize("llada", "f32", "safetensors", a);
    Path g = temp.resolve("q.gguf");
    CommandRun wrong =
        CommandRun.of(
            "convert", a, "--to", "safetensors", "--dtype", "q8_0", "--out", temp.resolve("q"));
    assertTrue(wrong.err().contains("safetensors has no Q8_0: pass --to gguf"), wrong.err());
    CommandRun.ok("convert", a, "--to", "gguf", "--dtype", "q8_0", "--out", g);
    try (Checkpoint c = Checkpoints.open(g)) {
      assertEquals(DType.Q8_0, c.tensor("blk.1.ffn_down.weight").dtype());
      assertEquals(DType.Q8_0, c.tensor("blk.1.attn_q.weight").dtype());
      assertEquals(DType.F32, c.tensor("blk.1.attn_norm.weight").dtype());
    }
    CommandRun near = CommandRun.of("compare", g, a, "--tolerance", "0.01", "--json");
    assertEquals(0, near.status(), near.err());
    double relative = JsonMapper.shared().readTree(near.out()).get("relative_l2").doubleValue();
    assertTrue(relative > 1e-4, "it is quantised: " + relative);
    assertEquals(1, CommandRun.of("compare", g, a, "--tolerance", "1e-5").status());
    CommandRun meaningless = CommandRun.of("compare", a, a, "--tolerance", "NaN");
    assertTrue(
        meaningless.err().contains("--tolerance must be 0 or more; found NaN"), meaningless.err());
    CommandRun back =
        CommandRun.of("convert", g, "--to", "safetensors", "--out", temp.resolve("b"));
    assertEquals(1, back.status());
    assertTrue(back.err().contains("Q8_0") && back.err().contains("--dtype"), back.err());
    CommandRun.ok(
        "convert", g, "--to", "safetensors", "--dtype", "f32", "--out", temp.resolve("b"));
    assertTrue(
        CommandRun.ok("compare", g, temp.resolve("b")).contains("numbers are equal"),
        "dequantising is exact");
  }

  @Test
  void overwritesOnlyWhenTold() throws Exception {
    Path a = temp.resolve("a");
    synthesize("llada", "bf16", "safetensors", a);
    byte[] before = Files.readAllBytes(a.resolve("model.safetensors"));
    CommandRun refused =
        CommandRun.of("convert", a, "--to", "safetensors", "--dtype", "f32", "--out", a);
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("exists; pass --force"), refused.err());
    assertEquals(
        -1, java.util.Arrays.mismatch(before, Files.readAllBytes(a.resolve("model.safetensors"))));
    // Even onto itself: the new file takes the name when it is whole.
    CommandRun.ok("convert", a, "--to", "safetensors", "--dtype", "f32", "--out", a, "--force");
    try (Checkpoint c = Checkpoints.open(a)) {
      assertEquals(DType.F32, c.tensors().values().iterator().next().dtype());
      assertEquals("float32", c.metadata().get("torch_dtype").stringValue());
    }
    try (var files = Files.list(a)) {
      assertEquals(
          List.of("config.json", "model.safetensors"),
          files.map(f -> f.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void inspectTellsWhatItIs() throws Exception {
    Path a = temp.resolve("a");
    synthesize("dream", "bf16", "safetensors", a);
    JsonNode doc = JsonMapper.shared().readTree(CommandRun.ok("inspect", a, "--json", "--tensors"));
    assertEquals("dream", doc.at("/config/family").stringValue());
    assertEquals(96, doc.at("/config/hidden").intValue());
    assertTrue(doc.get("runs").booleanValue());
    assertEquals(2L * doc.get("parameters").longValue(), doc.at("/dtypes/BF16/bytes").longValue());
    assertEquals(3 + 2 * 12, doc.get("tensors").size());
    String page = CommandRun.ok("inspect", a, "--tensors");
    assertTrue(page.contains("model.layers.1.mlp.down_proj.weight"), page);
    assertTrue(page.contains("runs            yes"), page);

    Files.writeString(
        a.resolve("config.json"),
        Files.readString(a.resolve("config.json")).replace("\"silu\"", "\"gelu\""));
    doc = JsonMapper.shared().readTree(CommandRun.ok("inspect", a, "--json"));
    assertFalse(doc.get("runs").booleanValue());
    assertTrue(doc.get("problem").stringValue().contains("hidden_act"));
  }

  /** Blocks of attention are said by its folders, and there is no GGUF key for them. */
  @Test
  void modelsThatAttendInBlocks() {
    Path a = temp.resolve("a");
    CommandRun.ok(with("synthesize", "--family", "sdar", "--block-length", 32, "--out", a));
    try (Checkpoint c = Checkpoints.open(a)) {
      assertEquals(32, Families.describe(c).config().mask().blockLength());
      assertTrue(Families.describe(c).config().qkNorm());
    }
    String page = CommandRun.ok("inspect", a);
    assertTrue(page.contains("block-causal") && page.contains("32"), page);
    Path b = temp.resolve("b");
    CommandRun.ok("convert", a, "--to", "safetensors", "--dtype", "f32", "--out", b);
    assertTrue(CommandRun.ok("compare", a, b).contains("numbers are equal"));
    CommandRun gguf = CommandRun.of("convert", a, "--to", "gguf", "--out", temp.resolve("g"));
    assertEquals(1, gguf.status());
    assertTrue(gguf.err().contains("blocks of 32"), gguf.err());
    assertFalse(Files.exists(temp.resolve("g/model.gguf")));
    CommandRun full =
        CommandRun.of(with("synthesize", "--family", "llada", "--block-length", 8, "--out", temp));
    assertEquals(2, full.status());
    assertTrue(full.err().contains("--family sdar"), full.err());
  }

  @Test
  void causalModels() {
    Path a = temp.resolve("a");
    CommandRun.ok(with("synthesize", "--family", "llama", "--out", a));
    String page = CommandRun.ok("inspect", a);
    assertTrue(page.lines().anyMatch(l -> l.strip().matches("attention +causal.*")), page);
    assertTrue(page.lines().anyMatch(l -> l.strip().matches("runs +yes")), page);
    Path g = temp.resolve("g");
    CommandRun.ok("convert", a, "--to", "gguf", "--out", g);
    assertTrue(CommandRun.ok("compare", a, g).contains("numbers are equal"));
    CommandRun blocks =
        CommandRun.of(with("synthesize", "--family", "llama", "--block-length", 8, "--out", temp));
    assertEquals(2, blocks.status());
    assertTrue(blocks.err().contains("what precedes"), blocks.err());
  }

  @Test
  void impossibleShapesAreRefused() {
    CommandRun run =
        CommandRun.of(
            "synthesize", "--family", "llada", "--hidden", 100, "--heads", 3, "--out", temp);
    assertEquals(2, run.status());
    assertTrue(run.err().contains("--hidden 100"), run.err());
  }

  private static void synthesize(String family, String dtype, String format, Path out) {
    CommandRun.ok(
        with("synthesize", "--family", family, "--dtype", dtype, "--format", format, "--out", out));
  }

  private static Object[] with(Object... words) {
    return java.util.stream.Stream.concat(
            java.util.Arrays.stream(words), java.util.Arrays.stream(SHAPE))
        .toArray();
  }

  private static JsonNode json(Path file) throws Exception {
    return JsonMapper.shared().readTree(Files.readString(file));
  }
}
