/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Llama (Touvron et al., 2023) and what is written like it: autoregressive, what diffusion models
 * are compared with. A position sees itself and what precedes it, and its logits are the next
 * token's. Absent fields count as the defaults of transformers' {@code configuration_llama.py}.
 */
public final class LlamaFamily implements Family {
  private static final TensorNames TENSORS =
      new TensorNames(
          QwenFields.TENSORS.embedding(),
          QwenFields.TENSORS.outputNorm(),
          QwenFields.TENSORS.head(),
          QwenFields.TENSORS.block(),
          QwenFields.TENSORS.attentionNorm(),
          QwenFields.TENSORS.ffnNorm(),
          QwenFields.TENSORS.projections(),
          Optional.empty(),
          Optional.empty());

  /** How many slices a training run cut its matrices into: the same product. */
  private static final Set<String> HARMLESS = Set.of("pretraining_tp");

  LlamaFamily() {}

  @Override
  public String name() {
    return "llama";
  }

  @Override
  public String modelType() {
    return "llama";
  }

  @Override
  public boolean causal() {
    return true;
  }

  @Override
  public TensorNames folderNames() {
    return TENSORS;
  }

  @Override
  public boolean interleavedInGguf() {
    return true;
  }

  @Override
  public ObjectNode configJson(ModelConfig config) {
    HeadShape heads = config.heads();
    boolean sayable =
        config.rope().dims() == heads.headDim()
            && config.causal()
            && !config.qkNorm()
            && config.queryKeyValueBias() == config.outputBias();
    if (!sayable) {
      throw new IllegalArgumentException("a Llama config.json cannot describe " + config);
    }
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add("LlamaForCausalLM");
    out.put("model_type", modelType());
    out.put("hidden_size", config.hidden());
    out.put("num_hidden_layers", config.layers());
    out.put("num_attention_heads", heads.heads());
    out.put("num_key_value_heads", heads.kvHeads());
    out.put("head_dim", heads.headDim());
    out.put("intermediate_size", config.ffn());
    out.put("vocab_size", config.vocabulary());
    out.put("max_position_embeddings", config.maxPositions());
    out.put("rms_norm_eps", ConfigFields.shortest(config.normEpsilon()));
    out.put("rope_theta", config.rope().theta());
    out.put("hidden_act", "silu");
    out.put("attention_bias", config.outputBias());
    out.put("mlp_bias", false);
    out.put("tie_word_embeddings", config.tiedHead());
    ConfigFields.putToken(out, "eos_token_id", config.endToken());
    ConfigFields.putToken(out, "pad_token_id", config.padToken());
    return out;
  }

  @Override
  public ModelDescription describe(Checkpoint checkpoint) {
    return checkpoint.format().equals("gguf")
        ? GgufDescription.describe(this, checkpoint)
        : describeFolder(checkpoint);
  }

  private ModelDescription describeFolder(Checkpoint checkpoint) {
    ConfigFields fields = ConfigFields.of(checkpoint);
    fields.require("hidden_act", "silu", "silu");
    fields.off("mlp_bias");
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
    boolean bias = fields.flag("attention_bias", false);

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
            AttentionMask.CAUSAL,
            (float) fields.positive("rms_norm_eps", 1e-6),
            false,
            bias,
            bias,
            tied,
            true,
            fields.integer("max_position_embeddings", 1, Integer.MAX_VALUE, 2048),
            -1,
            fields.token("eos_token_id", vocabulary),
            fields.token("pad_token_id", vocabulary));
    fields.refuseOthers(key -> HARMLESS.contains(key) || HuggingFaceFields.harmless(key));
    TransformerWeights weights =
        new RoleLookup(checkpoint, TENSORS)
            .take(layers, hidden, ffn, vocabulary, shape, bias, bias, false, tied);
    return new ModelDescription(config, weights, ChatTemplate.format(checkpoint));
  }
}
