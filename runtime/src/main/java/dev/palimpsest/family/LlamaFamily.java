/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * Llama (Touvron et al., 2023) and what is written like it: autoregressive, what diffusion models
 * are compared with. A position sees itself and what precedes it, and its logits are the next
 * token's. Absent fields count as the defaults of transformers' {@code configuration_llama.py}.
 */
public final class LlamaFamily implements Family {
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
    return QwenFields.TENSORS;
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
    ObjectNode out = QwenFields.configJson("LlamaForCausalLM", modelType(), config, true);
    out.put("attention_bias", config.outputBias());
    out.put("mlp_bias", false);
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
    fields.off("mlp_bias");
    QwenFields.plainBlocks(fields);

    QwenFields.Sizes sizes = QwenFields.sizes(checkpoint, fields);
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
            AttentionMask.CAUSAL,
            (float) fields.positive("rms_norm_eps", 1e-6),
            false,
            bias,
            bias,
            sizes.tied(),
            true,
            fields.integer("max_position_embeddings", 1, Integer.MAX_VALUE, 2048),
            -1,
            fields.token("eos_token_id", sizes.vocabulary()),
            fields.token("pad_token_id", sizes.vocabulary()));
    fields.refuseOthers(key -> HARMLESS.contains(key) || HuggingFaceFields.harmless(key));
    return new ModelDescription(
        config,
        new RoleLookup(checkpoint, QwenFields.TENSORS).take(config),
        ChatTemplate.format(checkpoint));
  }
}
