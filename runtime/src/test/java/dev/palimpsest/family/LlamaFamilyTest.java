/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class LlamaFamilyTest {
  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          hidden_act          | "gelu"                                      | only silu
          mlp_bias            | true                                        | not supported
          attention_bias      | true                                        | q_proj.bias
          rope_scaling        | {"rope_type":"llama3","factor":8}           | default
          rope_parameters     | {"rope_type":"linear","rope_theta":10000}   | default
          layer_types         | ["full_attention","sliding_attention"]      | full_attention
          head_dim            | 7                                           | even
          head_dim            | 16                                          | expected [64, 32]
          num_key_value_heads | 3                                           | does not divide
          num_key_value_heads | null                                        | expected [32, 32]
          tie_word_embeddings | 1                                           | true or false
          eos_token_id        | 96                                          | below the vocabulary
          mask_token_id       | 5                                           | not understood
          sliding_window      | 64                                          | not understood
          num_local_experts   | 8                                           | not understood
          hidden_size         | null                                        | missing
          model_type          | "llama4"                                    | supported are llada, Dream, sdar, llama
          """)
  void refuses(String key, String value, String word) throws Exception {
    ObjectNode config = TinyLlama.config();
    config.set(key, JsonMapper.shared().readTree(value));
    try (Checkpoint c = Checkpoints.open(TinyLlama.folder(temp, config))) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
    }
  }

  @Test
  void isCausalAndHasNoMask() {
    ModelConfig config = described(TinyLlama.folder(temp, TinyLlama.config()));
    assertTrue(config.causal());
    assertEquals(AttentionMask.CAUSAL, config.mask());
    assertEquals(-1, config.maskToken());
    assertEquals(TinyLlama.END, config.endToken());
    assertEquals(Rope.Pairing.HALF_SPLIT, config.rope().pairing());
  }

  /** What it writes it reads, in both formats. */
  @Test
  void configurationsComeBack() {
    ModelConfig config = described(TinyLlama.folder(temp, TinyLlama.config()));
    ObjectNode written = Families.named("llama").configJson(config);
    assertEquals(config, described(TinyLlama.folder(temp, written)));

    ObjectNode metadata = Families.named("llama").ggufMetadata(config);
    ModelConfig again = described(TinyLlama.gguf(temp.resolve("m.gguf"), metadata));
    assertTrue(again.causal());
    assertEquals(-1, again.maskToken());
    assertEquals(TinyLlama.END, again.endToken());
    assertEquals(Rope.Pairing.INTERLEAVED, again.rope().pairing());
    assertEquals(config.heads(), again.heads());
  }

  /** Published files leave the key out; a model that attends to everything is another one. */
  @Test
  void ggufIsCausalUnlessItSaysOtherwise() {
    ModelConfig config = described(TinyLlama.folder(temp, TinyLlama.config()));
    ObjectNode metadata = Families.named("llama").ggufMetadata(config);
    metadata.remove("llama.attention.causal");
    assertTrue(described(TinyLlama.gguf(temp.resolve("m.gguf"), metadata)).causal());
    metadata.put("llama.attention.causal", false);
    Path file = TinyLlama.gguf(temp.resolve("n.gguf"), metadata);
    try (Checkpoint c = Checkpoints.open(file)) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      assertTrue(message.contains("llama.attention.causal"), message);
    }
  }

  private static ModelConfig described(Path path) {
    try (Checkpoint c = Checkpoints.open(path)) {
      return Families.describe(c).config();
    }
  }
}
