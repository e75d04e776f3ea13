/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

/**
 * The sizes of the VQ-VAE.
 *
 * @param vocabulary tokens
 * @param hidden width of encoder and decoder
 * @param encoderLayers convolutions over three positions each
 * @param decoderLayers transformer blocks
 * @param heads of the decoder's attention
 * @param ffn width of the decoder's feed-forward layers
 * @param groups codes of a position
 * @param codes entries of a group's codebook
 * @param width numbers of a code
 * @param normGroups groups of channels of a group norm
 * @param maskId the MASK token
 * @param endId the end-of-text token
 */
record AutoencoderShape(
    int vocabulary,
    int hidden,
    int encoderLayers,
    int decoderLayers,
    int heads,
    int ffn,
    int groups,
    int codes,
    int width,
    int normGroups,
    int maskId,
    int endId) {
  static final double ROPE_THETA = 10_000;
  static final double NORM_EPSILON = 1e-5;

  AutoencoderShape {
    if (hidden % heads != 0 || hidden / heads % 2 != 0) {
      throw new IllegalArgumentException(
          "a VQ width of " + hidden + " does not divide into " + heads + " heads of even size");
    }
    if (hidden % normGroups != 0) {
      throw new IllegalArgumentException(
          "a VQ width of " + hidden + " does not divide into " + normGroups + " norm groups");
    }
  }

  /** Numbers of a position's latent. */
  int latent() {
    return groups * width;
  }
}
