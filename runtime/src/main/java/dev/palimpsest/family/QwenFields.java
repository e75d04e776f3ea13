/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What families grown from Qwen2 and Qwen3 have in common: tensor names, and some fields. */
final class QwenFields {
  static final TensorNames TENSORS =
      new TensorNames(
          "model.embed_tokens.weight",
          "model.norm.weight",
          "lm_head.weight",
          "model.layers.%d.",
          "input_layernorm",
          "post_attention_layernorm",
          new TensorNames.Projections(
              "self_attn.q_proj",
              "self_attn.k_proj",
              "self_attn.v_proj",
              "self_attn.o_proj",
              "mlp.gate_proj",
              "mlp.up_proj",
              "mlp.down_proj"),
          Optional.of("self_attn.q_norm"),
          Optional.of("self_attn.k_norm"));

  /** Fields only read when {@code use_sliding_window} is set, which is refused. */
  static final Set<String> UNREAD = Set.of("sliding_window", "max_window_layers");

  private QwenFields() {}

  /**
   * The base of the rotary frequencies, from {@code rope_theta} or, as newer files have it, from
   * {@code rope_parameters}; any scaling of them is refused.
   */
  static double theta(ConfigFields fields) {
    for (String key : new String[] {"rope_scaling", "rope_parameters"}) {
      JsonNode scaling = fields.node(key);
      for (String entry : scaling.isObject() ? scaling.propertyNames() : Set.<String>of()) {
        JsonNode value = scaling.get(entry);
        boolean plain =
            switch (entry) {
              case "rope_theta" -> value.isNumber();
              case "type", "rope_type" -> value.isString() && value.stringValue().equals("default");
              default -> value.isNull();
            };
        if (!plain) {
          throw fields.bad(key, scaling, "plain rotary embedding (type \"default\", no factors)");
        }
      }
      if (!scaling.isObject() && fields.has(key)) {
        throw fields.bad(key, scaling, "null or an object");
      }
    }
    JsonNode parameters = fields.node("rope_parameters");
    if (!fields.has("rope_theta") && parameters.has("rope_theta")) {
      return fields.inside("rope_parameters").positive("rope_theta", 10_000);
    }
    return fields.positive("rope_theta", 10_000);
  }

  /**
   * How large a transformer is.
   *
   * @param tied whether the head is the embedding
   */
  record Sizes(
      int hidden, int layers, int ffn, int vocabulary, HeadShape shape, boolean tied, Rope rope) {}

  /**
   * The sizes; where nothing else is said there are as many heads of keys as of queries, which are
   * as wide as the hidden state together.
   */
  static Sizes sizes(Checkpoint checkpoint, ConfigFields fields) {
    int hidden = hidden(fields);
    int heads = heads(fields);
    if (!fields.has("head_dim")) {
      Limits.divides(checkpoint, "num_attention_heads", heads, "hidden_size", hidden);
    }
    return sizes(checkpoint, fields, heads, hidden / heads);
  }

  /**
   * The sizes.
   *
   * @param usualKvHeads where nothing is said of heads of keys
   * @param usualHeadDim where nothing is said of the width of a head
   */
  static Sizes sizes(
      Checkpoint checkpoint, ConfigFields fields, int usualKvHeads, int usualHeadDim) {
    int hidden = hidden(fields);
    int layers = fields.required("num_hidden_layers", 1, Limits.LAYERS);
    int heads = heads(fields);
    int kvHeads = fields.integer("num_key_value_heads", 1, Limits.HEADS, usualKvHeads);
    Limits.divides(checkpoint, "num_key_value_heads", kvHeads, "num_attention_heads", heads);
    int headDim = fields.integer("head_dim", 1, Limits.WIDTH, usualHeadDim);
    Limits.even(checkpoint, "head_dim", headDim);
    return new Sizes(
        hidden,
        layers,
        fields.required("intermediate_size", 1, Limits.WIDTH),
        fields.required("vocab_size", 1, Limits.VOCABULARY),
        new HeadShape(heads, kvHeads, headDim),
        fields.flag("tie_word_embeddings", false),
        new Rope(theta(fields), headDim, Rope.Pairing.HALF_SPLIT));
  }

  private static int hidden(ConfigFields fields) {
    return fields.required("hidden_size", 1, Limits.WIDTH);
  }

  private static int heads(ConfigFields fields) {
    return fields.required("num_attention_heads", 1, Limits.HEADS);
  }

  /**
   * Begins a {@code config.json} with what {@link #sizes} reads.
   *
   * @param headDim whether it says the width of a head
   */
  static ObjectNode configJson(
      String architecture, String modelType, ModelConfig config, boolean headDim) {
    HeadShape heads = config.heads();
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add(architecture);
    out.put("model_type", modelType);
    out.put("hidden_size", config.hidden());
    out.put("num_hidden_layers", config.layers());
    out.put("num_attention_heads", heads.heads());
    out.put("num_key_value_heads", heads.kvHeads());
    if (headDim) {
      out.put("head_dim", heads.headDim());
    }
    out.put("intermediate_size", config.ffn());
    out.put("vocab_size", config.vocabulary());
    out.put("max_position_embeddings", config.maxPositions());
    out.put("rms_norm_eps", ConfigFields.shortest(config.normEpsilon()));
    out.put("rope_theta", config.rope().theta());
    out.put("hidden_act", "silu");
    out.put("tie_word_embeddings", config.tiedHead());
    return out;
  }

  /** Refuses what would make the network another one. */
  static void plainBlocks(ConfigFields fields) {
    fields.require("hidden_act", "silu", "silu");
    fields.off("is_encoder_decoder");
    fields.off("add_cross_attention");
    layerTypes(fields);
  }

  /** Every layer has to attend alike. */
  private static void layerTypes(ConfigFields fields) {
    JsonNode types = fields.node("layer_types");
    for (JsonNode type : types) {
      if (!type.isString() || !type.stringValue().equals("full_attention")) {
        throw fields.bad("layer_types", types, "\"full_attention\" for every layer");
      }
    }
  }
}
