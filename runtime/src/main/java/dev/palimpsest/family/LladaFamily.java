/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * LLaDA (Nie et al., 2025; GSAI-ML on Hugging Face): OLMo's field names around a Llama block.
 * Absent fields count as the defaults of its {@code configuration_llada.py}.
 */
public final class LladaFamily implements Family {
  private static final TensorNames FOLDER =
      new TensorNames(
          "model.transformer.wte.weight",
          "model.transformer.ln_f.weight",
          "model.transformer.ff_out.weight",
          "model.transformer.blocks.%d.",
          "attn_norm",
          "ff_norm",
          new TensorNames.Projections(
              "q_proj", "k_proj", "v_proj", "attn_out", "ff_proj", "up_proj", "ff_out"),
          Optional.empty(),
          Optional.empty());

  /** Read by nobody at inference, or only together with something that is refused. */
  private static final Set<String> HARMLESS =
      Set.of(
          "alibi_bias_max",
          "attention_layer_norm_with_affine",
          "mlp_ratio",
          "rope_full_precision",
          "vocab_size");

  LladaFamily() {}

  @Override
  public String name() {
    return "llada";
  }

  @Override
  public String modelType() {
    return "llada";
  }

  @Override
  public TensorNames folderNames() {
    return FOLDER;
  }

  /** llama.cpp's converter reorders them, for its rotary kernel of the Llama architectures. */
  @Override
  public boolean interleavedInGguf() {
    return true;
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
        heads.queryWidth() == config.hidden()
            && config.rope().dims() == heads.headDim()
            && config.mask().equals(AttentionMask.FULL)
            && !config.qkNorm()
            && !config.outputBias()
            && !config.shiftedLogits();
    if (!sayable) {
      throw new IllegalArgumentException("a LLaDA config.json cannot describe " + config);
    }
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add("LLaDAModelLM");
    out.put("model_type", modelType());
    out.put("d_model", config.hidden());
    out.put("n_layers", config.layers());
    out.put("n_heads", heads.heads());
    out.put("n_kv_heads", heads.kvHeads());
    out.put("mlp_hidden_size", config.ffn());
    out.put("vocab_size", config.vocabulary());
    out.put("embedding_size", config.vocabulary());
    out.put("max_sequence_length", config.maxPositions());
    out.put("rms_norm_eps", ConfigFields.shortest(config.normEpsilon()));
    out.put("rope", true);
    out.put("rope_theta", config.rope().theta());
    out.put("layer_norm_type", "rms");
    out.put("activation_type", "silu");
    out.put("block_type", "llama");
    out.put("include_bias", false);
    out.put("include_qkv_bias", config.queryKeyValueBias());
    out.put("weight_tying", config.tiedHead());
    ConfigFields.putToken(out, "mask_token_id", config.maskToken());
    ConfigFields.putToken(out, "eos_token_id", config.endToken());
    ConfigFields.putToken(out, "pad_token_id", config.padToken());
    return out;
  }

  private ModelDescription describeFolder(Checkpoint checkpoint) {
    ConfigFields fields = ConfigFields.of(checkpoint);
    fields.require("block_type", "llama", "sequential");
    fields.require("block_group_size", "1", "1");
    fields.require("activation_type", "silu", "swiglu");
    fields.require("layer_norm_type", "rms", "default");
    fields.require("layer_norm_with_affine", "true", "true");
    fields.require("rope", "true", "false");
    fields.off("alibi");
    fields.off("attention_layer_norm");
    fields.off("bias_for_layer_norm");
    fields.off("clip_qkv");
    fields.off("embedding_layer_norm");
    fields.off("include_bias");
    fields.off("input_emb_norm");
    fields.off("norm_after");
    fields.off("rope_scaling");
    fields.off("scale_logits");

    int hidden = fields.required("d_model", 1, Limits.WIDTH);
    int layers = fields.required("n_layers", 1, Limits.LAYERS);
    int heads = fields.required("n_heads", 1, Limits.HEADS);
    Limits.divides(checkpoint, "n_heads", heads, "d_model", hidden);
    int kvHeads = kvHeads(fields, heads);
    Limits.divides(checkpoint, "n_kv_heads", kvHeads, "n_heads", heads);
    int headDim = hidden / heads;
    Limits.even(checkpoint, "d_model/n_heads", headDim);
    int ffn =
        fields.has("mlp_hidden_size")
            ? fields.required("mlp_hidden_size", 1, Limits.WIDTH)
            : fields.integer("mlp_ratio", 1, 64, 4) * hidden;
    int vocabSize = fields.required("vocab_size", 1, Limits.VOCABULARY);
    int vocabulary = fields.integer("embedding_size", vocabSize, Limits.VOCABULARY, vocabSize);
    boolean tied = fields.flag("weight_tying", true);
    boolean qkvBias = fields.flag("include_qkv_bias", false);

    HeadShape shape = new HeadShape(heads, kvHeads, headDim);
    ModelConfig config =
        new ModelConfig(
            name(),
            layers,
            hidden,
            ffn,
            vocabulary,
            shape,
            new Rope(fields.positive("rope_theta", 10_000), headDim, Rope.Pairing.HALF_SPLIT),
            AttentionMask.FULL,
            (float) fields.positive("rms_norm_eps", 1e-5),
            false,
            qkvBias,
            false,
            tied,
            false,
            fields.integer("max_sequence_length", 1, Integer.MAX_VALUE, 1024),
            fields.token("mask_token_id", vocabulary),
            fields.token("eos_token_id", vocabulary),
            fields.token("pad_token_id", vocabulary));
    fields.refuseOthers(key -> HARMLESS.contains(key) || HuggingFaceFields.harmless(key));
    return new ModelDescription(
        config, new RoleLookup(checkpoint, FOLDER).take(config), ChatTemplate.format(checkpoint));
  }

  /** {@code n_kv_heads} and {@code multi_query_attention} are two ways to say the same. */
  private static int kvHeads(ConfigFields fields, int heads) {
    boolean stated = fields.has("multi_query_attention");
    int implied = fields.flag("multi_query_attention", false) ? 1 : heads;
    int kvHeads = fields.integer("n_kv_heads", 1, Limits.HEADS, implied);
    if (stated && kvHeads != implied) {
      throw fields.bad(
          "n_kv_heads",
          fields.node("n_kv_heads"),
          implied + ", as multi_query_attention is " + fields.node("multi_query_attention"));
    }
    return kvHeads;
  }
}
