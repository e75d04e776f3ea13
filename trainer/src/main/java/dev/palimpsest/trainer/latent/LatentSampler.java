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
 * Writes the holes of rows by deterministic steps from noise to codes, each prediction fed to the
 * next step; to see what a network is worth where it is trained.
 */
final class LatentSampler {
  /** How a step goes from one noise level to the next. */
  enum Solver {
    /** The noise that z would be made of stays (Song et al. 2020, arXiv 2010.02502). */
    DDIM,
    /** Second order in the logarithm of signal to noise (Lu et al. 2022, arXiv 2211.01095). */
    DPM
  }

  /**
   * How to sample.
   *
   * @param steps network calls
   * @param temperature of the prediction: 1 as learned, less for surer ones
   * @param guidance how far the prediction is led away from the one without the given text; 0: not
   */
  record Plan(int steps, Solver solver, double temperature, double guidance) {
    /** As plain as can be. */
    static Plan of(int steps) {
      return new Plan(steps, Solver.DDIM, 1, 0);
    }
  }

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
  void fill(List<int[]> rows, List<boolean[]> holes, Plan plan, long seed, int chunk) {
    for (int from = 0; from < rows.size(); from += chunk) {
      int to = Math.min(rows.size(), from + chunk);
      fillChunk(rows.subList(from, to), holes.subList(from, to), plan, seed + from);
    }
  }

  private void fillChunk(List<int[]> rows, List<boolean[]> holes, Plan plan, long seed) {
    int steps = plan.steps();
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
        if (plan.guidance() > 0) {
          Tensor free = without(ids.length, count, z, expected, states, (float) t, at);
          logits = free.add(logits.sub(free).mul(Layers.scalar(1 + plan.guidance())));
        }
        Tensor before = expected;
        expected =
            HybridNetwork.expected(shape, logits, autoencoder.codebook(), plan.temperature());
        double keep = path.sigma(next) / path.sigma(t);
        double toward = path.alpha(next) - keep * path.alpha(t);
        // Levels at the ends are infinite: the first and the last step are of first order.
        if (plan.solver() == Solver.DPM && s > 1 && next < 1) {
          double ratio =
              (path.logSnr(next) - path.logSnr(t)) / (path.logSnr(t) - path.logSnr(grid[s - 1]));
          z =
              z.mul(Layers.scalar(keep))
                  .add(expected.mul(Layers.scalar(toward * (1 + ratio / 2))))
                  .sub(before.mul(Layers.scalar(toward * ratio / 2)));
        } else {
          z = z.mul(Layers.scalar(keep)).add(expected.mul(Layers.scalar(toward)));
        }
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

  /** What the network predicts when it is not shown the given text. */
  private Tensor without(
      int n, int count, Tensor z, Tensor expected, int[] states, float t, Tensor at) {
    int latent = autoencoder.shape().latent();
    int[] hidden = new int[n];
    float[] times = new float[n];
    for (int i = 0; i < n; i++) {
      boolean noise = states[i] == NoiseState.NOISE.ordinal();
      hidden[i] = (noise ? NoiseState.NOISE : NoiseState.HIDDEN).ordinal();
      times[i] = t;
    }
    Tensor none = torch.zeros(n, latent);
    return network.logits(
        none.index_copy(0, at, z).view(count, -1, latent),
        none.index_copy(0, at, expected).view(count, -1, latent),
        hidden,
        Times.of(times, count),
        at);
  }

  /** A row whose holes begin at a position. */
  static boolean[] from(int length, int start) {
    boolean[] holes = new boolean[length];
    Arrays.fill(holes, start, length, true);
    return holes;
  }
}
