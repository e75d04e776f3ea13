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
   * @param churn share of the noise that is fresh: 0 none, 1 ancestral sampling
   * @param refineSteps calls that write doubtful positions again; 0: none
   * @param refineThreshold quality under which a position is doubtful
   * @param refineTime time such positions go back to
   */
  record Plan(
      int steps,
      Solver solver,
      double temperature,
      double guidance,
      double churn,
      int refineSteps,
      double refineThreshold,
      double refineTime) {
    /** As plain as can be. */
    static Plan of(int steps) {
      return new Plan(steps, Solver.DDIM, 1, 0, 0, 0, 0, 0);
    }

    Plan withTemperature(double other) {
      return new Plan(
          steps, solver, other, guidance, churn, refineSteps, refineThreshold, refineTime);
    }

    Plan withSteps(int other) {
      return new Plan(
          other, solver, temperature, guidance, churn, refineSteps, refineThreshold, refineTime);
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
    Canvas canvas = new Canvas(rows, holes, seed);
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      canvas.encode();
      Tensor z = canvas.noise(1);
      Prediction last = canvas.walk(plan, grid(plan.steps()), z);
      if (plan.refineSteps() > 0 && canvas.doubt(last, plan.refineThreshold())) {
        double[] grid = new double[plan.refineSteps()];
        Arrays.setAll(
            grid, i -> plan.refineTime() + (1 - plan.refineTime()) * i / plan.refineSteps());
        canvas.walk(plan, grid, canvas.again(grid[0]));
      }
      canvas.decode(rows);
    }
  }

  /** The last prediction at open positions: expected latents, codes and qualities. */
  private record Prediction(Tensor expected, Tensor codes, Tensor quality) {}

  /** Some rows while they are written. */
  private final class Canvas {
    private final AutoencoderShape shape = autoencoder.shape();
    private final LatentPath path = network.shape().path();
    private final SplittableRandom random;
    private final int count;
    private final int length;
    private final int[] ids;
    private final int[] states;
    private final float[] given;
    private final long[] holes;
    private long[] open;
    private Tensor own;

    Canvas(List<int[]> rows, List<boolean[]> open, long seed) {
      count = rows.size();
      length = rows.getFirst().length;
      random = new SplittableRandom(seed);
      ids = new int[count * length];
      states = new int[ids.length];
      given = new float[ids.length];
      List<Long> positions = new ArrayList<>();
      for (int i = 0; i < ids.length; i++) {
        boolean hole = open.get(i / length)[i % length];
        ids[i] = rows.get(i / length)[i % length];
        given[i] = hole ? 0 : 1;
        states[i] = (hole ? NoiseState.NOISE : NoiseState.GIVEN).ordinal();
        if (hole) {
          positions.add((long) i);
        }
      }
      holes = positions.stream().mapToLong(Long::longValue).toArray();
      this.open = holes;
    }

    void encode() {
      own =
          autoencoder
              .latents(autoencoder.codes(autoencoder.encode(ids, given, count)))
              .mul(Tensor.create(given, ids.length, 1));
    }

    /** Normal noise at the open positions. */
    Tensor noise(double deviation) {
      float[] values = new float[open.length * shape.latent()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (deviation * random.nextGaussian());
      }
      return Tensor.create(values, open.length, shape.latent());
    }

    /** Steps from a first time to clean latents, which become the canvas's own. */
    Prediction walk(Plan plan, double[] grid, Tensor start) {
      Tensor at = Tensor.create(open);
      Tensor z = start;
      Tensor expected = torch.zeros(open.length, shape.latent());
      Tensor logits = expected;
      for (int s = 0; s < grid.length; s++) {
        double t = grid[s];
        double next = s + 1 < grid.length ? grid[s + 1] : 1;
        logits = call(plan, t, z, expected, at);
        Tensor before = expected;
        expected =
            HybridNetwork.expected(shape, logits, autoencoder.codebook(), plan.temperature());
        if (next == 1) {
          z = expected;
          break;
        }
        double alpha = path.alpha(t);
        double sigma = path.sigma(t);
        double nextAlpha = path.alpha(next);
        double nextSigma = path.sigma(next);
        double decay = alpha * nextSigma / (nextAlpha * sigma);
        double fresh = plan.churn() * nextSigma * Math.sqrt(Math.max(0, 1 - decay * decay));
        double keep = Math.sqrt(nextSigma * nextSigma - fresh * fresh) / sigma;
        double toward = nextAlpha - keep * alpha;
        double extra = 0;
        if (plan.solver() == Solver.DPM && s > 0 && grid[s - 1] > 0) {
          extra =
              (path.logSnr(next) - path.logSnr(t))
                  / (path.logSnr(t) - path.logSnr(grid[s - 1]))
                  / 2;
        }
        z =
            z.mul(Layers.scalar(keep))
                .add(expected.mul(Layers.scalar(toward * (1 + extra))))
                .sub(before.mul(Layers.scalar(toward * extra)));
        if (fresh > 0) {
          z = z.add(noise(fresh));
        }
      }
      own = own.index_copy(0, at, z);
      Tensor codes = HybridNetwork.codeLogits(shape, logits).argmax(new LongOptional(2), false);
      return new Prediction(expected, codes, HybridNetwork.quality(shape, logits).sigmoid());
    }

    /** One call of the network, of which nothing stays but its logits. */
    private Tensor call(Plan plan, double t, Tensor z, Tensor expected, Tensor at) {
      PointerScope outer = PointerScope.getInnerScope();
      Tensor logits;
      try (PointerScope _ = new PointerScope()) {
        logits = FlatParameters.persistent(logits(plan, t, z, expected, at));
      }
      outer.attach(logits);
      logits.releaseReference();
      return logits;
    }

    private Tensor logits(Plan plan, double t, Tensor z, Tensor expected, Tensor at) {
      float[] times = new float[ids.length];
      for (int i = 0; i < times.length; i++) {
        times[i] = states[i] == NoiseState.NOISE.ordinal() ? (float) t : 1;
      }
      Tensor logits =
          network.logits(
              own.index_copy(0, at, z).view(count, length, shape.latent()),
              own.index_copy(0, at, expected).view(count, length, shape.latent()),
              states,
              Times.of(times, count),
              at);
      if (plan.guidance() == 0) {
        return logits;
      }
      Tensor free = without(ids.length, count, z, expected, states, (float) t, at);
      return free.add(logits.sub(free).mul(Layers.scalar(1 + plan.guidance())));
    }

    /** Opens the positions of low quality again; false if there are none. */
    boolean doubt(Prediction last, double threshold) {
      float[] quality = FlatParameters.copy(last.quality().contiguous());
      List<Long> doubtful = new ArrayList<>();
      for (int i = 0; i < open.length; i++) {
        boolean noise = quality[i] < threshold;
        states[(int) open[i]] = (noise ? NoiseState.NOISE : NoiseState.WRITTEN).ordinal();
        if (noise) {
          doubtful.add(open[i]);
        }
      }
      own = own.index_copy(0, Tensor.create(open), autoencoder.latents(last.codes()));
      open = doubtful.stream().mapToLong(Long::longValue).toArray();
      return open.length > 0;
    }

    /** What is open, noisy again. */
    Tensor again(double t) {
      return own.index_select(0, Tensor.create(open))
          .mul(Layers.scalar(path.alpha(t)))
          .add(noise(path.sigma(t)));
    }

    void decode(List<int[]> rows) {
      LongBuffer tokens =
          autoencoder
              .decode(own.view(count, length, shape.latent()), Tensor.create(holes))
              .argmax(new LongOptional(1), false)
              .createBuffer();
      for (int i = 0; i < holes.length; i++) {
        int position = Math.toIntExact(holes[i]);
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
