/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Arrays;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A batch as the denoiser sees it. The tensors belong to the scope that made them.
 *
 * @param targets right codes of all positions, [rows · length, groups] int64
 * @param shown codes that stand at given and written positions, [rows · length, groups] int64
 * @param clean latents of the right codes, [rows · length, latent]
 * @param own latents of what is given or written, zero elsewhere, [rows · length, latent]
 * @param z noisy latents, [rows, length, latent]
 * @param times of all positions
 */
record LatentInputs(Tensor targets, Tensor shown, Tensor clean, Tensor own, Tensor z, Times times) {
  /** Encodes a batch with a frozen VQ-VAE and adds the noise. */
  static LatentInputs of(LatentBatch batch, Autoencoder autoencoder, LatentPath path) {
    AutoencoderShape shape = autoencoder.shape();
    int rows = batch.rows();
    int n = batch.ids().length;
    int length = n / rows;
    int latent = shape.latent();
    float[] all = new float[n];
    float[] given = new float[n];
    float[] signal = new float[n];
    float[] noise = new float[n];
    float[] shown = new float[n];
    float[] times = new float[n];
    long[] from = new long[n];
    Arrays.fill(all, 1);
    for (int i = 0; i < n; i++) {
      float t = batch.times()[i / length];
      NoiseState state = batch.state(i);
      given[i] = state == NoiseState.GIVEN || state == NoiseState.HIDDEN ? 1 : 0;
      shown[i] = state == NoiseState.GIVEN || state == NoiseState.WRITTEN ? 1 : 0;
      signal[i] = state == NoiseState.NOISE ? (float) path.alpha(t) : 0;
      noise[i] = state == NoiseState.NOISE ? (float) path.sigma(t) : 0;
      times[i] = shown[i] == 1 ? 1 : t;
      from[i] = batch.from()[i];
    }
    try (NoGradGuard _ = new NoGradGuard()) {
      Tensor targets = autoencoder.codes(autoencoder.encode(batch.ids(), all, rows));
      Tensor codes = autoencoder.codes(autoencoder.encode(batch.ids(), given, rows));
      Tensor written = targets.index_select(0, Tensor.create(from));
      long[] swaps = new long[batch.swapped().length];
      int[] isSwapped = new int[swaps.length];
      for (int i = 0; i < swaps.length; i++) {
        swaps[i] = Math.max(0, batch.swapped()[i]);
        isSwapped[i] = batch.swapped()[i] >= 0 ? 1 : 0;
      }
      written =
          torch.where(
              Tensor.create(isSwapped, n, shape.groups()).to(torch.ScalarType.Bool),
              Tensor.create(swaps, n, shape.groups()),
              written);
      Tensor isGiven = Tensor.create(given, n, 1);
      Tensor stands = torch.where(isGiven.to(torch.ScalarType.Bool), codes, written);
      Tensor clean = autoencoder.latents(targets);
      Tensor own = autoencoder.latents(stands).mul(Tensor.create(shown, n, 1));
      Tensor z =
          clean
              .mul(Tensor.create(signal, n, 1))
              .add(Tensor.create(batch.noise(latent), n, latent).mul(Tensor.create(noise, n, 1)))
              .add(own)
              .view(rows, length, latent);
      return new LatentInputs(targets, stands, clean, own, z, Times.of(times, rows));
    }
  }
}
