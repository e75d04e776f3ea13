/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Writes the holes of rows by deterministic steps from noise to codes (DDIM, Song et al. 2020,
 * arXiv 2010.02502), each prediction fed to the next step; to see what a network is worth while it
 * is trained.
 */
final class LatentSampler {
  private final HybridNetwork network;
  private final Autoencoder autoencoder;
  private final double[] quantiles;

  /**
   * @param quantiles times that split the training's noise levels into equal parts, from 0 on
   */
  LatentSampler(HybridNetwork network, Autoencoder autoencoder, double[] quantiles) {
    this.network = network;
    this.autoencoder = autoencoder;
    this.quantiles = quantiles;
  }

  /** The times of a number of network calls: evenly over the training's levels. */
  double[] grid(int steps) {
    double[] grid = new double[steps];
    for (int i = 1; i < steps; i++) {
      double at = (double) i / steps * quantiles.length;
      int low = (int) at;
      double high = low + 1 < quantiles.length ? quantiles[low + 1] : 1;
      grid[i] = quantiles[low] + (at - low) * (high - quantiles[low]);
    }
    return grid;
  }

  /**
   * Writes the holes of rows of equal length, in place.
   *
   * @param holes true where to write
   * @param chunk rows of one forward pass
   */
  void fill(List<int[]> rows, List<boolean[]> holes, int steps, long seed, int chunk) {
    for (int from = 0; from < rows.size(); from += chunk) {
      int to = Math.min(rows.size(), from + chunk);
      fillChunk(rows.subList(from, to), holes.subList(from, to), steps, seed + from);
    }
  }

  private void fillChunk(List<int[]> rows, List<boolean[]> holes, int steps, long seed) {
    AutoencoderShape shape = autoencoder.shape();
    LatentPath path = network.shape().path();
    int count = rows.size();
    int length = rows.getFirst().length;
    int n = count * length;
    int[] ids = new int[n];
    int[] states = new int[n];
    float[] given = new float[n];
    List<Long> open = new ArrayList<>();
    for (int r = 0; r < count; r++) {
      System.arraycopy(rows.get(r), 0, ids, r * length, length);
      for (int i = 0; i < length; i++) {
        boolean hole = holes.get(r)[i];
        given[r * length + i] = hole ? 0 : 1;
        states[r * length + i] = (hole ? NoiseState.NOISE : NoiseState.GIVEN).ordinal();
        if (hole) {
          open.add((long) r * length + i);
        }
      }
    }
    float[] start = new float[open.size() * shape.latent()];
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < start.length; i++) {
      start[i] = (float) random.nextGaussian();
    }
    double[] grid = grid(steps);
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      Tensor at = Tensor.create(open.stream().mapToLong(Long::longValue).toArray());
      Tensor own =
          autoencoder
              .latents(autoencoder.codes(autoencoder.encode(ids, given, count)))
              .mul(Tensor.create(given, n, 1));
      Tensor z = Tensor.create(start, open.size(), shape.latent());
      Tensor expected = torch.zeros(open.size(), shape.latent());
      for (int s = 0; s < steps; s++) {
        double t = grid[s];
        double next = s + 1 < steps ? grid[s + 1] : 1;
        float[] times = new float[n];
        for (int i = 0; i < n; i++) {
          times[i] = given[i] == 1 ? 1 : (float) t;
        }
        Tensor logits =
            network.logits(
                own.index_copy(0, at, z).view(count, length, shape.latent()),
                own.index_copy(0, at, expected).view(count, length, shape.latent()),
                states,
                Times.of(times, count),
                at);
        expected = HybridNetwork.expected(shape, logits, autoencoder.codebook());
        // The noise that z would be made of stays; DDIM.
        double keep = path.sigma(next) / path.sigma(t);
        z =
            z.mul(Layers.scalar(keep))
                .add(expected.mul(Layers.scalar(path.alpha(next) - keep * path.alpha(t))));
      }
      Tensor latents = own.index_copy(0, at, z).view(count, length, shape.latent());
      LongBuffer tokens =
          autoencoder.decode(latents, at).argmax(new LongOptional(1), false).createBuffer();
      for (int i = 0; i < open.size(); i++) {
        int position = Math.toIntExact(open.get(i));
        rows.get(position / length)[position % length] = (int) tokens.get(i);
      }
    }
  }

  /** A row whose holes begin at a position. */
  static boolean[] from(int length, int start) {
    boolean[] holes = new boolean[length];
    Arrays.fill(holes, start, length, true);
    return holes;
  }
}
