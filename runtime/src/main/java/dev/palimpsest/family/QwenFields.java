/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

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

  /** Every layer has to attend alike. */
  static void layerTypes(ConfigFields fields) {
    JsonNode types = fields.node("layer_types");
    for (JsonNode type : types) {
      if (!type.isString() || !type.stringValue().equals("full_attention")) {
        throw fields.bad("layer_types", types, "\"full_attention\" for every layer");
      }
    }
  }
}
