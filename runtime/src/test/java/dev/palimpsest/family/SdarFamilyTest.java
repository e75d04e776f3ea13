/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.TinyModel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class SdarFamilyTest {
  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          hidden_act          | "gelu"                                  | only silu
          use_sliding_window  | true                                    | not supported
          is_decoder          | true                                    | not supported
          rope_scaling        | {"rope_type":"yarn","factor":4}         | default
          layer_types         | ["full_attention","sliding_attention"]  | full_attention
          attention_bias      | true                                    | q_proj.bias
          head_dim            | 17                                      | even
          head_dim            | null                                    | expected [512, 48]
          num_key_value_heads | 3                                       | does not divide
          num_key_value_heads | null                                    | does not divide
          tie_word_embeddings | 1                                       | true or false
          block_size          | 0                                       | from 1
          block_size          | "4"                                     | whole number
          block_length        | 8                                       | as block_size says
          mask_token_id       | 512                                     | below the vocabulary
          num_experts         | 8                                       | not understood
          model_type          | "sdar_moe"                              | supported are llada, Dream, sdar
          """)
  void refuses(String key, String value, String word) throws Exception {
    ObjectNode config = copy();
    config.set(key, JsonMapper.shared().readTree(value));
    Files.writeString(temp.resolve("config.json"), config.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
    }
  }

  /** The published default is 4; the training code's name for it is block_length. */
  @ParameterizedTest
  @CsvSource({"'', '', 4", "8, '', 8", "'', 16, 16", "32, 32, 32"})
  void blockLengths(String size, String length, int expected) throws Exception {
    ObjectNode config = copy();
    config.remove("block_size");
    if (!size.isEmpty()) {
      config.put("block_size", Integer.parseInt(size));
    }
    if (!length.isEmpty()) {
      config.put("block_length", Integer.parseInt(length));
    }
    assertEquals(expected, described(config).mask().blockLength());
  }

  /** Files that name no mask token mean the tokenizer's, which a small vocabulary does not have. */
  @Test
  void maskTokenOfTheTokenizer() throws Exception {
    ObjectNode config = copy();
    config.remove("mask_token_id");
    assertEquals(-1, described(config).maskToken());
  }

  /** What it writes it reads. */
  @Test
  void configurationsComeBack() throws Exception {
    ModelConfig config = described(copy());
    ObjectNode written = Families.named("sdar").configJson(config);
    Files.writeString(temp.resolve("config.json"), written.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(config, Families.describe(c).config());
    }
  }

  @Test
  void ggufIsRefused() throws Exception {
    ModelConfig config = described(copy());
    String cannot =
        assertThrows(
                IllegalArgumentException.class, () -> Families.named("sdar").ggufMetadata(config))
            .getMessage();
    assertTrue(cannot.contains("blocks of 4"), cannot);
    ObjectNode metadata = TinyModel.ggufMetadata().put("general.architecture", "sdar");
    Path file = TinyModel.gguf(temp.resolve("m.gguf"), metadata, TinyModel.ggufTensors());
    try (Checkpoint c = Checkpoints.open(file)) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      assertTrue(message.contains("safetensors"), message);
    }
  }

  private ModelConfig described(ObjectNode config) throws Exception {
    Files.writeString(temp.resolve("config.json"), config.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      return Families.describe(c).config();
    }
  }

  private ObjectNode copy() throws Exception {
    Path golden = GoldenFamiliesTest.golden("sdar-tiny");
    Files.copy(golden.resolve("model.safetensors"), temp.resolve("model.safetensors"));
    return (ObjectNode)
        JsonMapper.shared().readTree(Files.readString(golden.resolve("config.json")));
  }
}
