/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.TensorSpec;
import dev.palimpsest.weights.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What a description asks for and the transformer does not do is an error that names it. */
class FamilyRefusalsTest {
  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          alibi                   | true          | true
          rope                    | false         | only true
          rope                    | null          | absent, which in this format means false
          activation_type         | "swiglu"      | only silu
          activation_type         | "gelu"        | only silu
          layer_norm_type         | "default"     | only rms
          layer_norm_type         | "gemma_rms"   | only rms
          layer_norm_with_affine  | false         | only true
          block_type              | "sequential"  | only llama
          block_type              | null          | sequential
          block_group_size        | 4             | only 1
          attention_layer_norm    | true          | true
          include_bias            | true          | true
          bias_for_layer_norm     | true          | true
          input_emb_norm          | true          | true
          scale_logits            | true          | true
          clip_qkv                | 8.0           | 8.0
          norm_after              | true          | true
          rope_scaling            | {"factor":4}  | factor
          sliding_window          | 128           | 128
          num_experts             | 8             | not understood
          n_kv_heads              | 3             | does not divide
          multi_query_attention   | true          | expected 1
          d_model                 | 9             | does not divide
          d_model                 | -8            | whole number
          d_model                 | 1e400         | whole number
          d_model                 | "8"           | whole number
          n_heads                 | 0             | whole number
          n_layers                | 2147483648    | whole number
          n_layers                | null          | missing
          rms_norm_eps            | 0             | positive
          rope_theta              | -1            | positive
          mask_token_id           | 16            | below the vocabulary's 16
          weight_tying            | 1             | true or false
          model_type              | "mamba"       | supported are llada, Dream
          model_type              | null          | supported are llada, Dream
          """)
  void lladaConfig(String key, String value, String word) {
    ObjectNode config = TinyModel.config();
    config.set(key, JsonMapper.shared().readTree(value));
    String message = refused(config, TinyModel.folderTensors());
    assertTrue(message.startsWith(temp.resolve("config.json") + ": "), message);
    assertTrue(message.contains(key), message);
    assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
  }

  @Test
  void harmlessFieldsPass() {
    ObjectNode config = TinyModel.config();
    config.put("attention_dropout", 0.1);
    config.put("init_std", 0.02);
    config.put("init_fn", "mitchell");
    config.put("transformers_version", "4.46.3");
    config.put("flash_attention", true);
    config.put("precision", "amp_bf16");
    config.put("some_new_switch", false);
    config.putNull("another");
    config.putObject("auto_map").put("AutoModel", "modeling_llada.LLaDAModelLM");
    TinyModel.folder(temp, config, TinyModel.folderTensors());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(16, Families.describe(c).config().vocabulary());
    }
  }

  /** The fields that published LLaDA folders have, with the values that describe this model. */
  @Test
  void publishedFieldsPass() {
    ObjectNode config =
        (ObjectNode)
            JsonMapper.shared()
                .readTree(
                    """
                    {"activation_type": "silu", "alibi": false, "alibi_bias_max": 8.0,
                     "architectures": ["LLaDAModelLM"], "attention_dropout": 0.0,
                     "attention_layer_norm": false, "attention_layer_norm_with_affine": true,
                     "auto_map": {"AutoConfig": "configuration_llada.LLaDAConfig"},
                     "bias_for_layer_norm": false, "block_group_size": 1, "block_type": "llama",
                     "d_model": 8, "embedding_dropout": 0.0, "embedding_size": 16,
                     "eos_token_id": 1, "flash_attention": false, "include_bias": false,
                     "include_qkv_bias": false, "init_cutoff_factor": null,
                     "init_device": "meta", "init_fn": "mitchell", "init_std": 0.02,
                     "input_emb_norm": false, "layer_norm_type": "rms",
                     "layer_norm_with_affine": true, "mask_token_id": 15,
                     "max_sequence_length": 64, "mlp_hidden_size": 12, "mlp_ratio": 4,
                     "model_type": "llada", "multi_query_attention": null, "n_heads": 2,
                     "n_kv_heads": 2, "n_layers": 1, "pad_token_id": 1,
                     "precision": "amp_bf16", "residual_dropout": 0.0, "rms_norm_eps": 1e-05,
                     "rope": true, "rope_full_precision": true, "rope_theta": 500000.0,
                     "scale_logits": false, "transformers_version": "4.46.3",
                     "use_cache": false, "vocab_size": 16, "weight_tying": false}
                    """);
    TinyModel.folder(temp, config, TinyModel.folderTensors());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(64, Families.describe(c).config().maxPositions());
    }
  }

  @Test
  void tensorsAreCheckedAgainstTheConfiguration() {
    List<TensorSpec> tensors = TinyModel.folderTensors();
    String query = "model.transformer.blocks.0.q_proj.weight";
    int at = tensors.stream().map(TensorSpec::name).toList().indexOf(query);

    List<TensorSpec> wrong = new ArrayList<>(tensors);
    wrong.set(at, TinyModel.spec(query, 4, 8));
    says(refused(TinyModel.config(), wrong), query, "[4, 8]", "expected [8, 8]");

    List<TensorSpec> missing = new ArrayList<>(tensors);
    missing.remove(at);
    says(refused(TinyModel.config(), missing), query, "missing");

    List<TensorSpec> extra = new ArrayList<>(tensors);
    extra.add(TinyModel.spec("model.transformer.blocks.0.q_proj.bias", 8));
    says(refused(TinyModel.config(), extra), "q_proj.bias", "no role");

    List<TensorSpec> integers = new ArrayList<>(tensors);
    integers.set(at, new TensorSpec(query, DType.I32, List.of(8L, 8L)));
    says(refused(TinyModel.config(), integers), query, "I32");
  }

  @Test
  void biasesGroupsAndTiedHeads() {
    ObjectNode config = TinyModel.config();
    config.put("include_qkv_bias", true);
    config.put("n_kv_heads", 1);
    config.put("weight_tying", true);
    List<TensorSpec> tensors = new ArrayList<>();
    for (TensorSpec t : TinyModel.folderTensors()) {
      boolean narrow = t.name().contains("k_proj") || t.name().contains("v_proj");
      if (!t.name().equals("model.transformer.ff_out.weight")) {
        tensors.add(narrow ? TinyModel.spec(t.name(), 4, 8) : t);
      }
      if (t.name().matches(".*[qkv]_proj.weight")) {
        tensors.add(TinyModel.spec(t.name().replace("weight", "bias"), narrow ? 4 : 8));
      }
    }
    TinyModel.folder(temp, config, tensors);
    try (Checkpoint c = Checkpoints.open(temp)) {
      ModelDescription d = Families.describe(c);
      assertTrue(d.config().queryKeyValueBias() && d.config().tiedHead());
      assertEquals(1, d.config().heads().kvHeads());
      assertEquals(d.weights().embedding(), d.weights().head());
      assertEquals(List.of(4L), d.weights().layers().getFirst().keyBias().orElseThrow().shape());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          llada.attention.causal              | true    | only false
          llada.rope.scaling.type             | "yarn"  | only none
          llada.attention.sliding_window      | 64      | not supported
          llada.expert_count                  | 8       | not understood
          llada.attention.clamp_kqv           | 8.0     | not understood
          llada.attention.value_length        | 8       | only 4
          llada.rope.dimension_count          | 3       | even
          llada.rope.dimension_count          | 6       | from 0 to 4
          llada.embedding_length              | 9       | does not divide
          llada.attention.layer_norm_rms_epsilon | null | missing
          llada.block_count                   | null    | missing
          llada.vocab_size                    | 17      | from 1 to 16
          tokenizer.ggml.mask_token_id        | 99      | below the vocabulary's 16
          general.architecture                | "mamba" | supported are llada, dream
          """)
  void ggufMetadata(String key, String value, String word) {
    ObjectNode metadata = TinyModel.ggufMetadata();
    metadata.remove(key);
    if (!value.equals("null")) {
      metadata.set(key, JsonMapper.shared().readTree(value));
    }
    Path file = TinyModel.gguf(temp.resolve("m.gguf"), metadata, TinyModel.ggufTensors());
    try (Checkpoint c = Checkpoints.open(file)) {
      String message =
          assertThrows(CheckpointException.class, () -> Families.describe(c)).getMessage();
      says(message, file.toString(), key, word);
    }
  }

  @Test
  void ggufDefaults() throws IOException {
    ObjectNode metadata = TinyModel.ggufMetadata();
    metadata.remove(
        List.of("diffusion.shift_logits", "tokenizer.ggml.mask_token_id", "llada.vocab_size"));
    List<TensorSpec> tensors = new ArrayList<>(TinyModel.ggufTensors());
    tensors.removeIf(t -> t.name().equals("output.weight"));
    tensors.add(TinyModel.spec("blk.0.attn_q_norm.weight", 4));
    tensors.add(TinyModel.spec("blk.0.attn_k_norm.weight", 4));
    Path file = TinyModel.gguf(temp.resolve("m.gguf"), metadata, tensors);
    try (Checkpoint c = Checkpoints.open(file)) {
      ModelConfig m = Families.describe(c).config();
      assertTrue(m.shiftedLogits(), "absent means shifted");
      assertTrue(m.tiedHead() && m.qkNorm());
      assertEquals(-1, m.maskToken());
    }
    // The file's source beside it knows the mask.
    Files.writeString(temp.resolve("config.json"), TinyModel.config().toString());
    try (Checkpoint c = Checkpoints.open(file)) {
      assertEquals(15, Families.describe(c).config().maskToken());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "<|start_header_id|>user<|end_header_id|><|eot_id|>, llada",
    "<|start_header_id|>user<|end_header_id|>, unknown",
    "<|im_start|>user<|im_end|>, chatml",
    "[INST], unknown"
  })
  void chatFormats(String template, String format) throws IOException {
    TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    ObjectNode tokenizer = JsonMapper.shared().createObjectNode().put("chat_template", template);
    Files.writeString(temp.resolve("tokenizer_config.json"), tokenizer.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(format, Families.describe(c).chatFormat().orElseThrow().name());
    }
  }

  private String refused(ObjectNode config, List<TensorSpec> tensors) {
    TinyModel.folder(temp, config, tensors);
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
