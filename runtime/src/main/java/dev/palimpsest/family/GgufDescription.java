/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads GGUF's description of a transformer, which all architectures share but for their name
 * before the keys (llama.cpp, {@code src/llama-arch.cpp}).
 */
final class GgufDescription {
  private static final String TOKENS = "tokenizer.ggml.";

  /** llama.cpp's base where {@code rope.freq_base} is absent. */
  private static final double DEFAULT_THETA = 10_000;

  private GgufDescription() {}

  static ModelDescription describe(Family family, Checkpoint checkpoint) {
    String arch = family.name() + ".";
    ConfigFields fields = ConfigFields.of(checkpoint);
    RoleLookup roles = new RoleLookup(checkpoint, TensorNames.GGUF);

    int hidden = fields.required(arch + "embedding_length", 1, Limits.WIDTH);
    int layers = fields.required(arch + "block_count", 1, Limits.LAYERS);
    int ffn = fields.required(arch + "feed_forward_length", 1, Limits.WIDTH);
    int heads = fields.required(arch + "attention.head_count", 1, Limits.HEADS);
    int kvHeads = fields.integer(arch + "attention.head_count_kv", 1, Limits.HEADS, heads);
    Limits.divides(
        checkpoint,
        arch + "attention.head_count_kv",
        kvHeads,
        arch + "attention.head_count",
        heads);
    int headDim;
    if (fields.has(arch + "attention.key_length")) {
      headDim = fields.integer(arch + "attention.key_length", 1, Limits.WIDTH, 0);
    } else {
      Limits.divides(
          checkpoint, arch + "attention.head_count", heads, arch + "embedding_length", hidden);
      headDim = hidden / heads;
    }
    fields.require(
        arch + "attention.value_length", Integer.toString(headDim), Integer.toString(headDim));
    int ropeDims = fields.integer(arch + "rope.dimension_count", 0, headDim, headDim);
    Limits.even(checkpoint, arch + "rope.dimension_count", ropeDims);
    double theta = fields.positive(arch + "rope.freq_base", DEFAULT_THETA);
    float epsilon = (float) fields.positive(arch + "attention.layer_norm_rms_epsilon", 0);
    if (epsilon == 0) {
      fields.required(arch + "attention.layer_norm_rms_epsilon", 0, 0);
    }
    int positions = fields.required(arch + "context_length", 1, Integer.MAX_VALUE);
    String causal = Boolean.toString(family.causal());
    fields.require(arch + "attention.causal", causal, causal);
    fields.require(arch + "rope.scaling.type", "none", "none");
    fields.off(arch + "attention.sliding_window");
    boolean shifted = family.causal() || fields.flag("diffusion.shift_logits", true);

    int vocabulary = roles.embeddingRows();
    fields.integer(arch + "vocab_size", 1, vocabulary, vocabulary);
    boolean tied = !roles.has(TensorNames.GGUF.head());
    TensorNames.Projections p = TensorNames.GGUF.projections();
    boolean qkvBias =
        roles.hasBias(p.query()) || roles.hasBias(p.key()) || roles.hasBias(p.value());
    boolean outputBias = roles.hasBias(p.output());
    boolean qkNorm = roles.hasWeight(TensorNames.GGUF.queryNorm());

    ConfigFields beside = configBeside(family, checkpoint);
    int mask =
        family.causal() ? -1 : token(fields, "mask_token_id", beside, "mask_token_id", vocabulary);
    int end = token(fields, "eos_token_id", beside, "eos_token_id", vocabulary);
    int pad = token(fields, "padding_token_id", beside, "pad_token_id", vocabulary);
    // Other architectures' keys and keys of tools say nothing about this one's computation.
    fields.refuseOthers(
        key -> !key.startsWith(arch) || key.equals(arch + "rope.scaling.original_context_length"));

    HeadShape shape = new HeadShape(heads, kvHeads, headDim);
    Rope.Pairing pairing =
        family.interleavedInGguf() ? Rope.Pairing.INTERLEAVED : Rope.Pairing.HALF_SPLIT;
    ModelConfig config =
        new ModelConfig(
            family.name(),
            layers,
            hidden,
            ffn,
            vocabulary,
            shape,
            new Rope(theta, ropeDims, pairing),
            family.causal() ? AttentionMask.CAUSAL : AttentionMask.FULL,
            epsilon,
            qkNorm,
            qkvBias,
            outputBias,
            tied,
            shifted,
            positions,
            mask,
            end,
            pad);
    return new ModelDescription(config, roles.take(config), ChatTemplate.format(checkpoint));
  }

  /** What {@link #describe} reads. */
  static ObjectNode metadata(Family family, ModelConfig config) {
    if (!config.mask().equals(AttentionMask.FULL) && !config.causal()) {
      throw new IllegalArgumentException(
          "GGUF has no key that says that a model attends in blocks of %d: write safetensors"
              .formatted(config.mask().blockLength()));
    }
    String arch = family.name() + ".";
    HeadShape heads = config.heads();
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("general.architecture", family.name());
    out.put(arch + "context_length", config.maxPositions());
    out.put(arch + "embedding_length", config.hidden());
    out.put(arch + "block_count", config.layers());
    out.put(arch + "feed_forward_length", config.ffn());
    out.put(arch + "attention.head_count", heads.heads());
    out.put(arch + "attention.head_count_kv", heads.kvHeads());
    if (heads.queryWidth() != config.hidden()) {
      out.put(arch + "attention.key_length", heads.headDim());
      out.put(arch + "attention.value_length", heads.headDim());
    }
    out.put(arch + "vocab_size", config.vocabulary());
    out.put(arch + "rope.dimension_count", config.rope().dims());
    out.put(arch + "rope.freq_base", (float) config.rope().theta());
    out.put(arch + "attention.layer_norm_rms_epsilon", config.normEpsilon());
    out.put(arch + "attention.causal", config.causal());
    if (!config.causal()) {
      out.put("diffusion.shift_logits", config.shiftedLogits());
    }
    out.put(TOKENS + "model", "no_vocab");
    ConfigFields.putToken(out, TOKENS + "mask_token_id", config.maskToken());
    ConfigFields.putToken(out, TOKENS + "eos_token_id", config.endToken());
    ConfigFields.putToken(out, TOKENS + "padding_token_id", config.padToken());
    return out;
  }

  private static int token(
      ConfigFields fields, String key, ConfigFields beside, String besideKey, int vocabulary) {
    return fields.has(TOKENS + key)
        ? fields.token(TOKENS + key, vocabulary)
        : beside.token(besideKey, vocabulary);
  }

  /** Files without special tokens may have their source's {@code config.json} beside them. */
  private static ConfigFields configBeside(Family family, Checkpoint checkpoint) {
    Path file = checkpoint.files().getFirst().resolveSibling("config.json");
    JsonNode none = JsonNodeFactory.instance.objectNode();
    if (!Files.isRegularFile(file)) {
      return new ConfigFields(file, none);
    }
    JsonNode config = Checkpoints.readJson(file);
    JsonNode type = config.path("model_type");
    boolean same = type.isString() && Families.is(family, type.stringValue());
    return new ConfigFields(file, same ? config : none);
  }
}
