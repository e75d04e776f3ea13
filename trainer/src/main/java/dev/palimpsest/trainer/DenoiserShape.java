/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sizes of a denoiser, and what its {@code config.json} says.
 *
 * @param vocabulary number of tokens
 * @param hidden width of the residual stream
 * @param layers number of transformer blocks
 * @param heads number of attention heads; divides {@code hidden} into an even head size
 * @param ffn width of the gated feed-forward layer
 * @param length positions it is trained on; longer ones work as far as RoPE carries
 * @param maskId the MASK token; −1 for a causal network, which has none and predicts the next token
 * @param endId the end-of-text token
 */
record DenoiserShape(
    int vocabulary, int hidden, int layers, int heads, int ffn, int length, int maskId, int endId) {
  static final double ROPE_THETA = 10_000;
  static final double NORM_EPSILON = 1e-5;

  DenoiserShape {
    if (hidden % heads != 0 || hidden / heads % 2 != 0) {
      throw new IllegalArgumentException(
          "hidden " + hidden + " does not divide into " + heads + " heads of even size");
    }
  }

  /** The same network on rows of another length. */
  DenoiserShape withLength(int other) {
    return new DenoiserShape(vocabulary, hidden, layers, heads, ffn, other, maskId, endId);
  }

  /** Whether a position sees itself and what precedes it only. */
  boolean causal() {
    return maskId < 0;
  }

  int headSize() {
    return hidden / heads;
  }

  /** Trainable numbers; the head is tied to the embedding. */
  long parameters() {
    long block = 4L * hidden * hidden + 3L * hidden * ffn + 2L * hidden;
    return (long) vocabulary * hidden + layers * block + hidden;
  }

  /**
   * The fields of a LLaDA {@code config.json}, or of Llama's for a causal network.
   *
   * @param positions the longest canvas a loader should allow
   * @param dtype what the weights are stored as, by torch's name
   */
  Map<String, Object> config(int positions, String dtype) {
    return causal() ? llama(positions, dtype) : llada(positions, dtype);
  }

  private Map<String, Object> llama(int positions, String dtype) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("LlamaForCausalLM"));
    config.put("model_type", "llama");
    config.put("hidden_size", hidden);
    config.put("num_hidden_layers", layers);
    config.put("num_attention_heads", heads);
    config.put("num_key_value_heads", heads);
    config.put("head_dim", headSize());
    config.put("intermediate_size", ffn);
    config.put("vocab_size", vocabulary);
    config.put("max_position_embeddings", positions);
    config.put("rms_norm_eps", NORM_EPSILON);
    config.put("rope_theta", ROPE_THETA);
    config.put("hidden_act", "silu");
    config.put("attention_bias", false);
    config.put("mlp_bias", false);
    config.put("tie_word_embeddings", true);
    config.put("eos_token_id", endId);
    config.put("pad_token_id", endId);
    config.put("torch_dtype", dtype);
    return config;
  }

  private Map<String, Object> llada(int positions, String dtype) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("LLaDAModelLM"));
    config.put("model_type", "llada");
    config.put("d_model", hidden);
    config.put("n_layers", layers);
    config.put("n_heads", heads);
    config.put("n_kv_heads", heads);
    config.put("mlp_hidden_size", ffn);
    config.put("vocab_size", vocabulary);
    config.put("embedding_size", vocabulary);
    config.put("max_sequence_length", positions);
    config.put("rms_norm_eps", NORM_EPSILON);
    config.put("rope_theta", ROPE_THETA);
    config.put("rope", true);
    config.put("layer_norm_type", "rms");
    config.put("activation_type", "silu");
    config.put("block_type", "llama");
    config.put("include_bias", false);
    config.put("include_qkv_bias", false);
    config.put("weight_tying", true);
    config.put("mask_token_id", maskId);
    config.put("eos_token_id", endId);
    config.put("pad_token_id", endId);
    config.put("torch_dtype", dtype);
    return config;
  }
}
