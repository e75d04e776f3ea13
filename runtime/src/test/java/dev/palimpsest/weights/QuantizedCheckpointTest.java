/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.family.Families;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Checkpoints in compressed-tensors' int8: bytes and a scale for each row. */
class QuantizedCheckpointTest {
  private static final String QUERY = "model.transformer.blocks.0.q_proj.weight";

  @TempDir Path temp;

  @Test
  void aMatrixAndItsScalesAreOneTensor() {
    TinyModel.folder(temp, TinyModel.quantizedConfig(), TinyModel.quantizedTensors());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(12, c.tensors().size());
      WeightView query = Families.describe(c).weights().layers().getFirst().query();
      assertEquals(DType.I8, query.dtype());
      WeightView scales = query.rowScales().orElseThrow();
      assertEquals(QUERY + "_scale", scales.name());
      assertFalse(c.tensors().containsKey(scales.name()));
      float[] row = new float[8];
      ElementCodec.decode(query, 24, 8, row);
      float scale = scales.memory().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * 3);
      for (int i = 0; i < 8; i++) {
        assertEquals(scale * query.memory().get(ValueLayout.JAVA_BYTE, 24 + i), row[i]);
      }
      assertThrows(
          CheckpointException.class, () -> c.tensor(scales.name()), "there are no two of them");
    }
  }

  /** A shard of an index may hold the bytes, another one the scales. */
  @Test
  void shardsCanPartThem() throws IOException {
    TinyModel.folder(temp, TinyModel.quantizedConfig(), TinyModel.quantizedTensors());
    Path whole = temp.resolve("model.safetensors");
    Files.copy(whole, temp.resolve("b.safetensors"));
    Files.move(whole, temp.resolve("a.safetensors"));
    ObjectNode index = JsonMapper.shared().createObjectNode();
    ObjectNode map = index.putObject("weight_map");
    TinyModel.quantizedTensors()
        .forEach(
            t ->
                map.put(t.name(), t.name().endsWith("_scale") ? "b.safetensors" : "a.safetensors"));
    Files.writeString(temp.resolve("model.safetensors.index.json"), index.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertTrue(Families.describe(c).weights().layers().getFirst().down().isNumbers());
    }
  }

  @Test
  void bytesWithoutScalesAreRefused() {
    List<TensorSpec> tensors = new ArrayList<>(TinyModel.quantizedTensors());
    tensors.removeIf(t -> t.name().equals(QUERY + "_scale"));
    says(refused(tensors), "tensor " + QUERY + " has element type I8", "_scale is missing");
  }

  @ParameterizedTest
  @CsvSource({"F32, 8, 2", "F32, 4, 1", "F32, 1, 1", "I32, 8, 1", "I8, 8, 1"})
  void scalesOfAnotherKindAreRefused(DType type, long rows, long columns) {
    List<TensorSpec> tensors = new ArrayList<>();
    for (TensorSpec t : TinyModel.quantizedTensors()) {
      boolean it = t.name().equals(QUERY + "_scale");
      tensors.add(it ? new TensorSpec(t.name(), type, List.of(rows, columns)) : t);
    }
    says(refused(tensors), "tensor " + QUERY, "_scale is " + type, "[8, 1]");
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, 0, -0.0f, -0.01f, Float.POSITIVE_INFINITY, 3e38f})
  void scalesMustBePositiveAndFinite(float bad) throws IOException {
    TinyModel.folder(temp, TinyModel.quantizedConfig(), TinyModel.quantizedTensors());
    Path file = temp.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int data = (int) buffer.getLong(0) + 8;
    JsonNode header = JsonMapper.shared().readTree(bytes, 8, data - 8);
    int at = header.at("/" + QUERY + "_scale/data_offsets/0").intValue();
    buffer.putFloat(data + at + 4 * 5, bad);
    Files.write(file, bytes);
    try (Checkpoint c = Checkpoints.open(temp)) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      says(message, "tensor " + QUERY + "_scale", "row 5 is " + bad, "positive");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          /quant_method                                          | "gptq"            | only compressed-tensors
          /format                                                | "pack-quantized"  | only int-quantized
          /format                                                | null              | absent
          /kv_cache_scheme                                       | {"num_bits": 8}   | not supported
          /config_groups                                         | null              | an object
          /config_groups/group_0                                 | ["Linear"]        | an object
          /config_groups/group_0/format                          | "float-quantized" | only int-quantized
          /config_groups/group_0/weights                         | null              | an object
          /config_groups/group_0/weights/num_bits                | 4                 | only 8
          /config_groups/group_0/weights/type                    | "float"           | only int
          /config_groups/group_0/weights/symmetric               | false             | only true
          /config_groups/group_0/weights/strategy                | "group"           | only channel
          /config_groups/group_0/weights/strategy                | null              | means tensor
          /config_groups/group_0/weights/group_size              | 128               | one scale for each row
          /config_groups/group_0/weights/actorder                | "group"           | not understood
          /config_groups/group_0/weights/a_new_field             | 1                 | not understood
          /config_groups/group_0/input_activations/dynamic       | false             | only true
          /config_groups/group_0/input_activations/strategy      | "tensor"          | only token
          /config_groups/group_0/input_activations/num_bits      | 4                 | only 8
          /config_groups/group_0/output_activations              | {"num_bits": 8}   | not supported
          /config_groups/group_0/a_new_field                     | 1                 | not understood
          /sparsity_config                                       | {"format": "2:4"} | not understood
          /transform_config                                      | {"r1": 1}         | not understood
          """)
  void otherQuantizationsAreRefused(String pointer, String value, String word) {
    ObjectNode config = TinyModel.quantizedConfig();
    int slash = pointer.lastIndexOf('/');
    String key = pointer.substring(slash + 1);
    ((ObjectNode) config.at("/quantization_config" + pointer.substring(0, slash)))
        .set(key, JsonMapper.shared().readTree(value));
    TinyModel.folder(temp, config, TinyModel.quantizedTensors());
    try (Checkpoint c = Checkpoints.open(temp)) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      says(message, temp.resolve("config.json") + ": quantization_config", key, word);
    }
  }

  private String refused(List<TensorSpec> tensors) {
    TinyModel.folder(temp, TinyModel.quantizedConfig(), tensors);
    try (Checkpoint c = Checkpoints.open(temp)) {
      return assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
    }
  }

  private static void says(String message, String... words) {
    for (String word : words) {
      assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
    }
  }
}
