/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class DreamFamilyTest {
  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          hidden_act          | "gelu"                                | only silu
          use_sliding_window  | true                                  | not supported
          use_mrope           | true                                  | not supported
          rope_scaling        | {"type":"yarn","factor":4}            | default
          rope_scaling        | {"rope_type":"default","factor":4}    | default
          rope_scaling        | [4]                                   | object
          rope_parameters     | {"rope_type":"linear"}                | default
          layer_types         | ["full_attention","sliding_attention"] | full_attention
          attention_bias      | false                                 | no role
          head_dim            | 17                                    | even
          head_dim            | 32                                    | expected [192, 96]
          num_key_value_heads | 4                                     | does not divide
          tie_word_embeddings | "no"                                  | true or false
          vocab_size          | 500                                   | below the vocabulary
          qk_layernorm        | true                                  | not understood
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          rope_scaling        | null
          rope_scaling        | {"type":"default"}
          sliding_window      | 4096
          max_window_layers   | 28
          use_sliding_window  | false
          head_dim            | 16
          attention_bias      | true
          layer_types         | ["full_attention","full_attention","full_attention"]
          eos_token_id        | [1,2]
          bos_token_id        | 7
          """)
  void accepts(String key, String value) throws Exception {
    ObjectNode config = copy();
    config.set(key, JsonMapper.shared().readTree(value));
    Files.writeString(temp.resolve("config.json"), config.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(1, Families.describe(c).config().endToken());
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = "{\"rope_theta\":5000.0,\"rope_type\":\"default\"}")
  void thetaMayLieDeeper(String parameters) throws Exception {
    ObjectNode config = copy();
    config.remove("rope_theta");
    config.set("rope_parameters", JsonMapper.shared().readTree(parameters));
    Files.writeString(temp.resolve("config.json"), config.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(5000.0, Families.describe(c).config().rope().theta());
    }
  }

  private ObjectNode copy() throws Exception {
    Path golden = GoldenFamiliesTest.golden("dream-tiny");
    Files.copy(golden.resolve("model.safetensors"), temp.resolve("model.safetensors"));
    return (ObjectNode)
        JsonMapper.shared().readTree(Files.readString(golden.resolve("config.json")));
  }
}
