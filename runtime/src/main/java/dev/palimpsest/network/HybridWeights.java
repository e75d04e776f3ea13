/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.WeightView;
import java.util.List;
import java.util.Optional;

/**
 * The tensors of a hybrid latent model under the roles they play, as views into the checkpoint.
 * Matrices are {@code [out, in]}. Widths as in {@link HybridConfig}: h of the autoencoder, W of a
 * latent, H1 and H2 of the denoiser's levels.
 */
public record HybridWeights(Autoencoder autoencoder, Denoiser denoiser) {
  /**
   * The VQ-VAE.
   *
   * @param embedding {@code [vocabulary, h]}
   * @param convolutions {@code [h, 3h]} each
   * @param out {@code [W, h]}
   * @param codebook {@code [groups·codes, W / groups]}
   * @param decoderIn {@code [h, W]}
   */
  public record Autoencoder(
      WeightView embedding,
      List<WeightView> convolutions,
      WeightView out,
      WeightView codebook,
      WeightView decoderIn,
      List<TransformerWeights.Layer> decoder,
      WeightView norm,
      WeightView head) {
    public Autoencoder {
      convolutions = List.copyOf(convolutions);
      decoder = List.copyOf(decoder);
    }
  }

  /**
   * The denoiser.
   *
   * @param in {@code [H1, 2W]}
   * @param state {@code [4, H1]}
   * @param timeGate {@code [timeHidden, timeFeatures]}, as is {@code timeUp}
   * @param modulation {@code [modulationWidth, timeHidden]}
   * @param modulationBias {@code [modulationWidth]}
   * @param resampling present if there are blocks at half resolution
   * @param out {@code [groups·codes + 1, H1]}
   */
  public record Denoiser(
      WeightView in,
      WeightView state,
      WeightView timeGate,
      WeightView timeUp,
      WeightView modulation,
      WeightView modulationBias,
      List<Block> before,
      List<Block> half,
      List<Block> after,
      Optional<Resampling> resampling,
      WeightView out) {
    public Denoiser {
      before = List.copyOf(before);
      half = List.copyOf(half);
      after = List.copyOf(after);
    }
  }

  /**
   * One block of the denoiser, of width H.
   *
   * @param convolution {@code [H, 3H]}
   */
  public record Block(
      WeightView convolution,
      WeightView query,
      WeightView key,
      WeightView value,
      WeightView queryNorm,
      WeightView keyNorm,
      WeightView output,
      WeightView gate,
      WeightView up,
      WeightView down) {}

  /**
   * To half resolution and back.
   *
   * @param taps {@code [4, H1]}
   * @param down {@code [H2, H1]}
   * @param norm {@code [H2]}
   * @param up {@code [H1, H2]}
   * @param gate {@code [H1]}
   */
  public record Resampling(
      WeightView taps, WeightView down, WeightView norm, WeightView up, WeightView gate) {}
}
