/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.NoisePath;

/**
 * Everything the hybrid latent model needs to know: a VQ-VAE that turns tokens into continuous
 * latents and back, and a denoiser that joins transformer blocks and a 1-D U-Net.
 *
 * @param vocabulary rows of the encoder's embedding and of the decoder's head
 * @param groups codes of which a latent holds one each, side by side
 * @param codes codes of each group
 * @param groupWidth elements of a code
 * @param path from noise to latents
 * @param autoencoder sizes of the decoder's blocks; the encoder has their hidden width
 * @param encoderLayers convolutions of the encoder
 * @param decoderLayers blocks of the decoder
 * @param normGroups groups of channels that group norms treat apart
 * @param full sizes of the denoiser's blocks at full resolution
 * @param half sizes of those at half resolution
 * @param blocksBefore blocks at full resolution before the half-resolution ones
 * @param blocksHalf blocks at half resolution; 0 for a plain transformer
 * @param blocksAfter blocks at full resolution after them
 * @param timeFeatures width of what the network sees of a time; even
 * @param timeHidden inner width of what becomes of it
 * @param normEpsilon of every norm
 * @param ropeTheta of every rotary embedding
 * @param trainedLength positions the model was trained on at a time; longer texts are written a
 *     window at a time
 * @param sampling what the trainer recommends
 * @param maskToken id of MASK
 * @param endToken id of end-of-text, or −1
 * @param padToken id of padding, or −1
 */
public record HybridConfig(
    int vocabulary,
    int groups,
    int codes,
    int groupWidth,
    NoisePath path,
    Level autoencoder,
    int encoderLayers,
    int decoderLayers,
    int normGroups,
    Level full,
    Level half,
    int blocksBefore,
    int blocksHalf,
    int blocksAfter,
    int timeFeatures,
    int timeHidden,
    float normEpsilon,
    double ropeTheta,
    int maxPositions,
    int trainedLength,
    LatentDefaults sampling,
    int maskToken,
    int endToken,
    int padToken) {
  /** Sizes of the blocks of one resolution; all heads are of the same width, keys as many. */
  public record Level(int hidden, int heads, int ffn) {}

  /** Elements of a latent. */
  public int width() {
    return groups * groupWidth;
  }

  /** Columns of modulation: nine for each block, of its width, and two for the output. */
  public int modulationWidth() {
    return 9 * (blocksBefore + blocksAfter) * full.hidden
        + 9 * blocksHalf * half.hidden
        + 2 * full.hidden;
  }

  /** Logits of a position: one for each code, and one for being right. */
  public int logits() {
    return groups * codes + 1;
  }
}
