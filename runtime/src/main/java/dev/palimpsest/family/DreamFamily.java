/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Dream (Ye et al., 2025; Dream-org on Hugging Face) and what was trained from it: Qwen2's fields
 * and tensors, read bidirectionally, logits shifted by one. Absent fields count as the defaults of
 * its {@code configuration_dream.py}.
 */
public final class DreamFamily implements Family {
  DreamFamily() {}

  @Override
  public String name() {
    return "dream";
  }

  @Override
  public String modelType() {
    return "Dream";
  }

  @Override
  public TensorNames folderNames() {
    return QwenFields.TENSORS;
  }

  @Override
  public boolean interleavedInGguf() {
    return false;
  }

  @Override
  public ModelDescription describe(Checkpoint checkpoint) {
    return checkpoint.format().equals("gguf")
        ? GgufDescription.describe(this, checkpoint)
        : describeFolder(checkpoint);
  }

  @Override
  public ObjectNode configJson(ModelConfig config) {
    HeadShape heads = config.heads();
    boolean sayable =
        config.rope().dims() == heads.headDim()
            && config.mask().equals(AttentionMask.FULL)
            && !config.outputBias()
            && config.shiftedLogits();
    if (!sayable) {
      throw new IllegalArgumentException("a Dream config.json cannot describe " + config);
    }
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add("DreamModel");
    out.put("model_type", modelType());
    out.put("hidden_size", config.hidden());
    out.put("num_hidden_layers", config.layers());
    out.put("num_attention_heads", heads.heads());
    out.put("num_key_value_heads", heads.kvHeads());
    if (heads.queryWidth() != config.hidden()) {
      out.put("head_dim", heads.headDim());
    }
    out.put("intermediate_size", config.ffn());
    out.put("vocab_size", config.vocabulary());
    out.put("max_position_embeddings", config.maxPositions());
    out.put("rms_norm_eps", ConfigFields.shortest(config.normEpsilon()));
    out.put("rope_theta", config.rope().theta());
    out.put("hidden_act", "silu");
    out.put("tie_word_embeddings", config.tiedHead());
    if (!config.queryKeyValueBias()) {
      out.put("attention_bias", false);
    }
    ConfigFields.putToken(out, "mask_token_id", config.maskToken());
    ConfigFields.putToken(out, "eos_token_id", config.endToken());
    ConfigFields.putToken(out, "pad_token_id", config.padToken());
    return out;
  }

  private ModelDescription describeFolder(Checkpoint checkpoint) {
    ConfigFields fields = ConfigFields.of(checkpoint);
    fields.require("hidden_act", "silu", "silu");
    fields.off("use_sliding_window");
    fields.off("use_mrope");
    fields.off("is_decoder");
    fields.off("is_encoder_decoder");
    fields.off("add_cross_attention");
    QwenFields.layerTypes(fields);

    int hidden = fields.required("hidden_size", 1, Limits.WIDTH);
    int layers = fields.required("num_hidden_layers", 1, Limits.LAYERS);
    int heads = fields.required("num_attention_heads", 1, Limits.HEADS);
    int kvHeads = fields.integer("num_key_value_heads", 1, Limits.HEADS, heads);
    Limits.divides(checkpoint, "num_key_value_heads", kvHeads, "num_attention_heads", heads);
    int headDim;
    if (fields.has("head_dim")) {
      headDim = fields.required("head_dim", 1, Limits.WIDTH);
    } else {
      Limits.divides(checkpoint, "num_attention_heads", heads, "hidden_size", hidden);
      headDim = hidden / heads;
    }
    Limits.even(checkpoint, "head_dim", headDim);
    int ffn = fields.required("intermediate_size", 1, Limits.WIDTH);
    int vocabulary = fields.required("vocab_size", 1, Limits.VOCABULARY);
    boolean tied = fields.flag("tie_word_embeddings", false);
    boolean qkvBias = fields.flag("attention_bias", true);

    RoleLookup roles = new RoleLookup(checkpoint, QwenFields.TENSORS);
    boolean qkNorm = roles.hasWeight(QwenFields.TENSORS.queryNorm());
    HeadShape shape = new HeadShape(heads, kvHeads, headDim);
    ModelConfig config =
        new ModelConfig(
            name(),
            layers,
            hidden,
            ffn,
            vocabulary,
            shape,
            new Rope(QwenFields.theta(fields), headDim, Rope.Pairing.HALF_SPLIT),
            AttentionMask.FULL,
            (float) fields.positive("rms_norm_eps", 1e-6),
            qkNorm,
            qkvBias,
            false,
            tied,
            true,
            fields.integer("max_position_embeddings", 1, Integer.MAX_VALUE, 32_768),
            fields.token("mask_token_id", vocabulary),
            fields.token("eos_token_id", vocabulary),
            fields.token("pad_token_id", vocabulary));
    fields.refuseOthers(key -> QwenFields.UNREAD.contains(key) || HuggingFaceFields.harmless(key));
    TransformerWeights weights =
        roles.take(layers, hidden, ffn, vocabulary, shape, qkvBias, false, qkNorm, tied);
    return new ModelDescription(config, weights, ChatTemplate.format(checkpoint));
  }
}
