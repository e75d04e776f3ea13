/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sizes of the latent denoiser: blocks at full resolution, blocks over pairs of positions
 * between them, blocks at full resolution.
 *
 * @param latent the VQ-VAE it works on
 * @param halfHidden width of the blocks over pairs
 * @param before full blocks before the pairs
 * @param half blocks over pairs; 0 for a plain transformer
 * @param after full blocks after the pairs
 * @param timeFeatures sines and cosines of the time
 * @param timeHidden width of the time embedding
 * @param length positions it is trained on
 */
record HybridShape(
    AutoencoderShape latent,
    int hidden,
    int heads,
    int ffn,
    int halfHidden,
    int halfHeads,
    int halfFfn,
    int before,
    int half,
    int after,
    int timeFeatures,
    int timeHidden,
    int length,
    LatentPath path) {
  HybridShape {
    check("hidden", hidden, heads, latent.normGroups());
    check("half-hidden", halfHidden, halfHeads, latent.normGroups());
    if (timeFeatures % 2 != 0) {
      throw new IllegalArgumentException("time features come in pairs; found " + timeFeatures);
    }
  }

  private static void check(String name, int hidden, int heads, int groups) {
    if (hidden % heads != 0 || hidden / heads % 2 != 0 || hidden % groups != 0) {
      throw new IllegalArgumentException(
          name
              + " "
              + hidden
              + " does not divide into "
              + heads
              + " heads of even size and "
              + groups
              + " norm groups");
    }
  }

  /** The same network on rows of another length. */
  HybridShape withLength(int other) {
    return new HybridShape(
        latent,
        hidden,
        heads,
        ffn,
        halfHidden,
        halfHeads,
        halfFfn,
        before,
        half,
        after,
        timeFeatures,
        timeHidden,
        other,
        path);
  }

  /** Numbers of a modulation row. */
  int modulation() {
    return 9 * (hidden * (before + after) + halfHidden * half) + 2 * hidden;
  }

  /** Columns of the output: the logits of every group's codes, and the quality. */
  int outputs() {
    return latent.groups() * latent.codes() + 1;
  }

  /**
   * Multiply-adds of one position in a forward pass, attention's products of rows by rows left out.
   */
  double multiplyAdds() {
    double full = block(hidden, ffn) * (before + after);
    double pairs = block(halfHidden, halfFfn) * half / 2;
    double seams = half == 0 ? 0 : (double) halfHidden * hidden;
    return full + pairs + seams + hidden * (2.0 * latent.latent() + outputs());
  }

  private static double block(int hidden, int ffn) {
    return 7.0 * hidden * hidden + 3.0 * hidden * ffn;
  }

  /**
   * The fields of {@code config.json}.
   *
   * @param positions the longest canvas a loader should allow
   * @param dtype what the weights are stored as, by torch's name
   * @param sampling how the trainer recommends to sample
   */
  Map<String, Object> config(int positions, String dtype, Map<String, Object> sampling) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("PalimpsestHybridLM"));
    config.put("model_type", "palimpsest-hybrid");
    config.put("vocab_size", latent.vocabulary());
    config.put("mask_token_id", latent.maskId());
    config.put("eos_token_id", latent.endId());
    config.put("pad_token_id", latent.endId());
    config.put("latent_groups", latent.groups());
    config.put("latent_codes", latent.codes());
    config.put("latent_width", latent.width());
    config.put("latent_path", path.label());
    config.put("vq_hidden", latent.hidden());
    config.put("vq_encoder_layers", latent.encoderLayers());
    config.put("vq_decoder_layers", latent.decoderLayers());
    config.put("vq_heads", latent.heads());
    config.put("vq_ffn", latent.ffn());
    config.put("norm_groups", latent.normGroups());
    config.put("hidden", hidden);
    config.put("heads", heads);
    config.put("ffn", ffn);
    config.put("half_hidden", halfHidden);
    config.put("half_heads", halfHeads);
    config.put("half_ffn", halfFfn);
    config.put("blocks_before", before);
    config.put("blocks_half", half);
    config.put("blocks_after", after);
    config.put("time_features", timeFeatures);
    config.put("time_hidden", timeHidden);
    config.put("rms_norm_eps", AutoencoderShape.NORM_EPSILON);
    config.put("rope_theta", AutoencoderShape.ROPE_THETA);
    config.put("max_sequence_length", positions);
    config.put("trained_length", length);
    config.put("torch_dtype", dtype);
    config.put("sampling", sampling);
    return config;
  }
}
