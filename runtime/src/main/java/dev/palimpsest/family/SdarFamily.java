/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import java.util.Set;
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
    ObjectNode out = QwenFields.configJson("SDARForCausalLM", modelType(), config, true);
    out.put("attention_bias", config.outputBias());
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
    fields.off("use_sliding_window");
    fields.off("is_decoder");
    QwenFields.plainBlocks(fields);

    QwenFields.Sizes sizes = QwenFields.sizes(checkpoint, fields, 32, 128);
    boolean bias = fields.flag("attention_bias", false);

    ModelConfig config =
        new ModelConfig(
            name(),
            sizes.layers(),
            sizes.hidden(),
            sizes.ffn(),
            sizes.vocabulary(),
            sizes.shape(),
            sizes.rope(),
            new AttentionMask(blockLength(fields)),
            (float) fields.positive("rms_norm_eps", 1e-6),
            true,
            bias,
            bias,
            sizes.tied(),
            false,
            fields.integer("max_position_embeddings", 1, Integer.MAX_VALUE, 32_768),
            maskToken(fields, sizes.vocabulary()),
            fields.token("eos_token_id", sizes.vocabulary()),
            fields.token("pad_token_id", sizes.vocabulary()));
    fields.refuseOthers(
        key ->
            HARMLESS.contains(key)
                || QwenFields.UNREAD.contains(key)
                || HuggingFaceFields.harmless(key));
    return new ModelDescription(
        config,
        new RoleLookup(checkpoint, QwenFields.TENSORS).take(config),
        ChatTemplate.format(checkpoint));
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
