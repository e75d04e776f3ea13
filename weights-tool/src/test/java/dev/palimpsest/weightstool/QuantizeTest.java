/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.family.Families;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class QuantizeTest {
  @TempDir Path temp;

  /** From either format of the same model: the same bytes, each within half a step of its float. */
  @ParameterizedTest
  @CsvSource({"llada, bf16", "llada, f32", "dream, bf16"})
  void roundsEveryElementToTheNearestStep(String family, String dtype) throws Exception {
    Path a = synthesize("a", family, "--dtype", dtype);
    Path g = temp.resolve("g.gguf");
    CommandRun.ok("convert", a, "--to", "gguf", "--out", g);
    Path q = temp.resolve("q");
    Path fromGguf = temp.resolve("r");
    CommandRun.ok("quantize", a, "--to", "int8", "--out", q);
    CommandRun.ok("quantize", g, "--to", "int8", "--out", fromGguf);
    int matrices = 0;
    try (Checkpoint before = Checkpoints.open(a);
        Checkpoint after = Checkpoints.open(q);
        Checkpoint other = Checkpoints.open(fromGguf)) {
      Families.describe(after);
      for (WeightView was : before.tensors().values()) {
        WeightView is = after.tensor(was.name());
        assertEquals(was.shape(), is.shape());
        boolean projection =
            was.shape().size() == 2 && (was.name().contains(".1.") || was.name().contains(".0."));
        assertEquals(projection ? DType.I8 : was.dtype(), is.dtype(), was.name());
        assertEquals(projection, is.rowScales().isPresent());
        if (projection) {
          matrices++;
          assertEquals(-1, is.memory().mismatch(other.tensor(was.name()).memory()), was.name());
          assertRounded(was, is);
        } else {
          assertEquals(-1, is.memory().mismatch(was.memory()), was.name());
        }
      }
      assertEquals(14, matrices);
    }
  }

  private static void assertRounded(WeightView was, WeightView is) {
    int width = was.dimension(1);
    float[] x = new float[width];
    float[] y = new float[width];
    float[] scale = new float[1];
    for (int row = 0; row < was.dimension(0); row++) {
      ElementCodec.decode(was, (long) row * width, width, x);
      ElementCodec.decode(is, (long) row * width, width, y);
      ElementCodec.decode(is.rowScales().orElseThrow(), row, 1, scale);
      float largest = 0;
      for (int i = 0; i < width; i++) {
        largest = Math.max(largest, Math.abs(x[i]));
        assertEquals(x[i], y[i], scale[0] * 0.50001f);
      }
      assertEquals(largest / 127, scale[0]);
      // What quantises the floats again, a row at a time, finds the same bytes.
      Int8Row again = new Int8Row(width);
      again.read(is, row, new Difference());
      byte[] bytes = is.memory().asSlice((long) row * width, width).toArray(ValueLayout.JAVA_BYTE);
      assertArrayEquals(bytes, again.bytes());
    }
  }

  @Test
  void theFolderSaysWhatItIs() throws Exception {
    Path a = synthesize("a", "llada");
    Files.writeString(a.resolve("tokenizer.json"), "{\"model\": \"☃\"}");
    Path q = temp.resolve("q");
    JsonNode doc = json(CommandRun.ok("quantize", a, "--to", "int8", "--out", q, "--json"));
    assertEquals(14, doc.get("quantized_tensors").intValue());
    assertTrue(doc.get("bytes_after").longValue() < doc.get("bytes_before").longValue());
    double loss = doc.get("relative_l2").doubleValue();
    assertTrue(loss > 1e-3 && loss < 1e-2, "an eighth of a step of 127: " + loss);
    JsonNode compared = json(CommandRun.ok("compare", q, a, "--json"));
    for (var tensor : doc.get("tensors").properties()) {
      assertEquals(
          compared.at("/tensors/" + tensor.getKey() + "/relative_l2").doubleValue(),
          tensor.getValue().get("relative_l2").doubleValue());
    }
    JsonNode config = json(Files.readString(q.resolve("config.json"))).get("quantization_config");
    assertEquals("compressed-tensors", config.get("quant_method").stringValue());
    assertEquals("int-quantized", config.get("format").stringValue());
    assertEquals("[\"model.transformer.ff_out\"]", config.get("ignore").toString());
    assertEquals("channel", config.at("/config_groups/group_0/weights/strategy").stringValue());
    assertTrue(config.at("/config_groups/group_0/input_activations/dynamic").booleanValue());
    assertEquals(-1, Files.mismatch(a.resolve("tokenizer.json"), q.resolve("tokenizer.json")));

    JsonNode inspected = json(CommandRun.ok("inspect", q, "--json", "--tensors"));
    assertTrue(inspected.get("runs").booleanValue());
    assertEquals(
        json(CommandRun.ok("inspect", a, "--json")).get("parameters"),
        inspected.get("parameters"),
        "scales are no parameters");
    assertEquals(14, inspected.at("/dtypes/I8/tensors").intValue());
    assertTrue(CommandRun.ok("inspect", q, "--tensors").contains("I8"));
    assertTrue(
        CommandRun.ok("quantize", a, "--to", "int8", "--out", q, "--force")
            .contains("ff_proj     2 matrices"));
  }

  @Test
  void theHeadIsQuantisedWhenAsked() throws Exception {
    Path a = synthesize("a", "dream");
    Path q = temp.resolve("q");
    CommandRun.ok("quantize", a, "--to", "int8", "--head", "--out", q);
    try (Checkpoint c = Checkpoints.open(q)) {
      assertEquals(DType.I8, c.tensor("lm_head.weight").dtype());
      assertEquals(DType.BF16, c.tensor("model.embed_tokens.weight").dtype());
      assertEquals("[]", c.metadata().at("/quantization_config/ignore").toString());
    }
    Path tied = synthesize("tied", "llada", "--tied");
    CommandRun run =
        CommandRun.of("quantize", tied, "--to", "int8", "--head", "--out", temp.resolve("t"));
    assertEquals(1, run.status());
    assertTrue(run.err().contains("leave --head out"), run.err());
    assertFalse(Files.exists(temp.resolve("t")));
  }

  /**
   * The model computes nearly the same, and the same as from the floats that the bytes stand for.
   */
  @Test
  void aQuantisedModelRuns() throws Exception {
    Path a = synthesize("a", "llada", "--dtype", "f32");
    Path q = temp.resolve("q");
    CommandRun.ok("quantize", a, "--to", "int8", "--head", "--out", q);
    Path floats = temp.resolve("f");
    CommandRun.ok("convert", q, "--to", "safetensors", "--dtype", "f32", "--out", floats);
    assertTrue(CommandRun.ok("compare", q, floats).contains("numbers are equal"));
    assertFalse(json(Files.readString(floats.resolve("config.json"))).has("quantization_config"));
    Path gguf = temp.resolve("x.gguf");
    CommandRun.ok("convert", q, "--to", "gguf", "--dtype", "f32", "--out", gguf);
    assertTrue(CommandRun.ok("compare", q, gguf).contains("numbers are equal"));

    Path tokens = temp.resolve("tokens.txt");
    Files.writeString(tokens, "5 6 7 8 9 130 130 130 11 12 13 14");
    for (Path model : List.of(a, q, floats)) {
      CommandRun.ok(
          "logits", "--model", model, "--tokens", tokens, "--out", model + ".f32", "--threads", 1);
    }
    assertTrue(CommandRun.ok("compare", q + ".f32", floats + ".f32").contains("numbers are equal"));
    // Int8 products of a checkpoint in int8 and of its floats: the same bytes, scales but for an
    // ulp.
    for (Path model : List.of(a, q)) {
      CommandRun.ok(
          "logits",
          "--model",
          model,
          "--tokens",
          tokens,
          "--out",
          model + ".s8",
          "--threads",
          1,
          "--dtype",
          "int8");
      Files.move(Path.of(model + ".s8"), Path.of(model + ".int8.f32"));
    }
    JsonNode same = json(CommandRun.ok("compare", q + ".int8.f32", a + ".int8.f32", "--json"));
    assertTrue(same.get("relative_l2").doubleValue() < 1e-3, same::toString);
    CommandRun near =
        CommandRun.of("compare", q + ".f32", a + ".f32", "--tolerance", "0.05", "--json");
    assertEquals(0, near.status(), near.out());
    assertTrue(json(near.out()).get("relative_l2").doubleValue() > 1e-4);
  }

  @Test
  void saysWhatCannotBe() throws Exception {
    Path a = synthesize("a", "llada", "--dtype", "f32");
    Path q = temp.resolve("q");
    CommandRun.ok("quantize", a, "--to", "int8", "--out", q);
    fails("is int8 already", "quantize", q, "--to", "int8", "--out", temp.resolve("again"));
    fails("exists; pass --force", "quantize", a, "--to", "int8", "--out", q);
    fails("pass --dtype", "convert", q, "--to", "safetensors", "--out", temp.resolve("b"));
    fails("pass --dtype", "convert", q, "--to", "gguf", "--out", temp.resolve("b.gguf"));

    Path weights = a.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - 8, Float.NaN);
    Files.write(weights, bytes);
    fails(
        "ff_out.weight: row 95 has an element that is not finite",
        "quantize",
        a,
        "--to",
        "int8",
        "--out",
        temp.resolve("nan"));
    try (Stream<Path> files = Files.list(temp.resolve("nan"))) {
      assertEquals(0, files.count(), "nothing is left behind");
    }
  }

  /** A row of zeros stays one, whatever its scale; the smallest numbers do no harm. */
  @Test
  void rowsOfNothing() {
    float[] floats = {
      0, 0, 0, -0.0f, Float.MIN_VALUE, 0, -Float.MIN_VALUE, 0, 1e-40f, -1e-41f, 0, 0
    };
    byte[] bytes = new byte[4 * floats.length];
    ElementCodec.encode(floats, floats.length, DType.F32, MemorySegment.ofArray(bytes), 0);
    WeightView view = new WeightView("w", DType.F32, List.of(3L, 4L), MemorySegment.ofArray(bytes));
    Int8Row row = new Int8Row(4);
    row.read(view, 0, new Difference());
    assertArrayEquals(new byte[4], row.bytes());
    assertEquals(1, row.scale());
    row.read(view, 1, new Difference());
    assertArrayEquals(new byte[4], row.bytes());
    row.read(view, 2, new Difference());
    assertEquals(127, row.bytes()[0]);
    assertTrue(row.scale() > 0);
  }

  private Path synthesize(String name, String family, Object... more) {
    Object[] shape = {
      "synthesize",
      "--family",
      family,
      "--out",
      temp.resolve(name),
      "--layers",
      2,
      "--hidden",
      96,
      "--heads",
      6,
      "--kv-heads",
      2,
      "--ffn",
      160,
      "--vocab",
      131
    };
    CommandRun.ok(Stream.concat(Arrays.stream(shape), Arrays.stream(more)).toArray());
    return temp.resolve(name);
  }

  private static void fails(String why, Object... command) {
    CommandRun run = CommandRun.of(command);
    assertEquals(1, run.status());
    assertTrue(run.err().contains(why), run.err());
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }
}
