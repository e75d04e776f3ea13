/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
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
    ObjectNode out =
        QwenFields.configJson(
            "DreamModel", modelType(), config, heads.queryWidth() != config.hidden());
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
    fields.off("use_sliding_window");
    fields.off("use_mrope");
    fields.off("is_decoder");
    QwenFields.plainBlocks(fields);

    QwenFields.Sizes sizes = QwenFields.sizes(checkpoint, fields);
    boolean qkvBias = fields.flag("attention_bias", true);

    RoleLookup roles = new RoleLookup(checkpoint, QwenFields.TENSORS);
    boolean qkNorm = roles.hasWeight(QwenFields.TENSORS.queryNorm());
    ModelConfig config =
        new ModelConfig(
            name(),
            sizes.layers(),
            sizes.hidden(),
            sizes.ffn(),
            sizes.vocabulary(),
            sizes.shape(),
            sizes.rope(),
            AttentionMask.FULL,
            (float) fields.positive("rms_norm_eps", 1e-6),
            qkNorm,
            qkvBias,
            false,
            sizes.tied(),
            true,
            fields.integer("max_position_embeddings", 1, Integer.MAX_VALUE, 32_768),
            fields.token("mask_token_id", sizes.vocabulary()),
            fields.token("eos_token_id", sizes.vocabulary()),
            fields.token("pad_token_id", sizes.vocabulary()));
    fields.refuseOthers(key -> QwenFields.UNREAD.contains(key) || HuggingFaceFields.harmless(key));
    return new ModelDescription(config, roles.take(config), ChatTemplate.format(checkpoint));
  }
}
