/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import java.util.Set;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * SDAR (Cheng et al., 2025; JetLM on Hugging Face): Qwen3's fields and tensors, attending in
 * blocks, logits of their own position. Absent fields count as the defaults of its {@code
 * configuration_sdar.py}; an absent block length as the 4 that its dense models were published
 * with, an absent mask token as its tokenizer's.
 */
public final class SdarFamily implements Family {
  private static final int BLOCK_LENGTH = 4;

  /** {@code <|MASK|>} of the tokenizer that all published models share. */
  private static final int MASK_TOKEN = 151_669;

  private static final int MOST_BLOCK_LENGTH = 1 << 16;

  /** Of its training code. */
  private static final Set<String> HARMLESS =
      Set.of(
          "debug",
          "ep_size",
          "fuse_cross_entropy",
          "micro_forward",
          "skip_checkpoint",
          "use_deepep");

  SdarFamily() {}

  @Override
  public String name() {
    return "sdar";
  }

  @Override
  public String modelType() {
    return "sdar";
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
  public ObjectNode configJson(ModelConfig config) {
    HeadShape heads = config.heads();
    boolean sayable =
        config.rope().dims() == heads.headDim()
            && config.mask().blockLength() > 0
            && config.qkNorm()
            && config.queryKeyValueBias() == config.outputBias()
            && !config.shiftedLogits();
    if (!sayable) {
      throw new IllegalArgumentException("an SDAR config.json cannot describe " + config);
    }
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add("SDARForCausalLM");
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
    out.put("tie_word_embeddings", config.tiedHead());
    out.put("block_size", config.mask().blockLength());
    ConfigFields.putToken(out, "mask_token_id", config.maskToken());
    ConfigFields.putToken(out, "eos_token_id", config.endToken());
    ConfigFields.putToken(out, "pad_token_id", config.padToken());
    return out;
  }

  @Override
  public ModelDescription describe(Checkpoint checkpoint) {
    if (checkpoint.format().equals("gguf")) {
      throw new CheckpointException(
          ConfigFields.file(checkpoint)
              + ": general.architecture is sdar, and GGUF has no key for the length of its blocks;"
              + " only its safetensors folders are supported");
    }
    ConfigFields fields = ConfigFields.of(checkpoint);
    fields.require("hidden_act", "silu", "silu");
    fields.off("use_sliding_window");
    fields.off("is_decoder");
    fields.off("is_encoder_decoder");
    fields.off("add_cross_attention");
    QwenFields.layerTypes(fields);

    int hidden = fields.required("hidden_size", 1, Limits.WIDTH);
    int layers = fields.required("num_hidden_layers", 1, Limits.LAYERS);
    int heads = fields.required("num_attention_heads", 1, Limits.HEADS);
    int kvHeads = fields.integer("num_key_value_heads", 1, Limits.HEADS, 32);
    Limits.divides(checkpoint, "num_key_value_heads", kvHeads, "num_attention_heads", heads);
    int headDim = fields.integer("head_dim", 1, Limits.WIDTH, 128);
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
            new AttentionMask(blockLength(fields)),
            (float) fields.positive("rms_norm_eps", 1e-6),
            true,
            bias,
            bias,
            tied,
            false,
            fields.integer("max_position_embeddings", 1, Integer.MAX_VALUE, 32_768),
            maskToken(fields, vocabulary),
            fields.token("eos_token_id", vocabulary),
            fields.token("pad_token_id", vocabulary));
    fields.refuseOthers(
        key ->
            HARMLESS.contains(key)
                || QwenFields.UNREAD.contains(key)
                || HuggingFaceFields.harmless(key));
    TransformerWeights weights =
        new RoleLookup(checkpoint, QwenFields.TENSORS)
            .take(layers, hidden, ffn, vocabulary, shape, bias, bias, true, tied);
    return new ModelDescription(config, weights, ChatTemplate.format(checkpoint));
  }

  /** {@code block_size}, which its training code calls {@code block_length}. */
  private static int blockLength(ConfigFields fields) {
    int size = fields.integer("block_size", 1, MOST_BLOCK_LENGTH, BLOCK_LENGTH);
    int length = fields.integer("block_length", 1, MOST_BLOCK_LENGTH, size);
    if (fields.has("block_size") && length != size) {
      throw fields.bad(
          "block_length", fields.node("block_length"), size + ", as block_size says, or nothing");
    }
    return length;
  }

  private static int maskToken(ConfigFields fields, int vocabulary) {
    int token = fields.token("mask_token_id", vocabulary);
    return token < 0 && vocabulary > MASK_TOKEN ? MASK_TOKEN : token;
  }
}
