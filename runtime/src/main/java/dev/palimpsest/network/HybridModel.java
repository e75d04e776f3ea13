/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The hybrid latent model: text to latents, latents to less noisy ones, latents to text, as ops of
 * a {@link Device}. Holds the packed weights and activations that grow to the largest batch seen.
 *
 * <p>Used by one thread at a time. The device belongs to the caller; weights are freed with it.
 */
public final class HybridModel {
  private final Device device;
  private final HybridConfig config;
  private final VqVae autoencoder;
  private final Denoiser denoiser;

  /**
   * Packs the weights for {@code device}.
   *
   * @param weights views that may be closed afterwards, all but the embeddings'
   */
  public HybridModel(Device device, HybridConfig config, HybridWeights weights) {
    this.device = device;
    this.config = config;
    autoencoder = new VqVae(device, config, weights.autoencoder());
    denoiser = new Denoiser(device, config, weights.denoiser());
  }

  public HybridConfig config() {
    return config;
  }

  /** Does all that the batch asks for; what was found is in the batch. */
  public void forward(LatentBatch batch) {
    if (batch.known().rows() > 0) {
      autoencoder.encode(batch.known(), batch.knownTokens(), batch.knownSlots(), batch.state());
    }
    if (batch.settled() > 0) {
      device.latents(
          autoencoder.codebook(),
          batch.settledCodes(),
          batch.settledSlots(),
          batch.settled(),
          batch.state());
    }
    if (batch.renoised().size() > 0) {
      device.renoise(batch.renoised(), batch.state());
    }
    if (batch.decoded().rows() > 0) {
      autoencoder.decode(batch);
    }
    if (batch.spans().rows() > 0) {
      denoiser.denoise(batch, autoencoder.codebook());
    }
  }

  /** The codes of known tokens, for tests: those of row i from {@code i · groups}. */
  int[] codes(RowSpans spans, int[] tokens) {
    return autoencoder.codes(spans, tokens);
  }

  /** The denoiser's logits of every row of the batch, for tests; valid until the next call. */
  Tensor denoiserLogits(LatentBatch batch) {
    return denoiser.logits(batch);
  }

  /** The decoder's logits of f32 latents, for tests. */
  void decoderLogits(RowSpans spans, Tensor latents, MemorySegment out) {
    autoencoder.logits(spans, latents, out);
  }
}
