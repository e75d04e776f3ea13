/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.Checkpoint;
import java.io.IOException;
import java.util.Arrays;

/**
 * From which noise levels is learned. The levels are times whose {@code ln(alpha / sigma)} is
 * normal around the one at which a position's total signal-to-noise ratio is {@value
 * #CENTRE_RATIO}; with warping, half of them are where the loss changes fastest, so that the loss
 * is spread evenly over them (Dieleman et al. 2022, arXiv 2211.15089). A tenth is near pure noise
 * whatever the loss says.
 */
final class NoiseLevels {
  static final double CENTRE_RATIO = 6;
  static final double LEAST = -4.5;
  static final double MOST = 2.5;
  static final int BINS = 56;

  /** Share of the rows near pure noise, and where that is. */
  static final double FLOOR = 0.1;

  static final double FLOOR_TIME = 0.05;

  /** How much easier the first rows of a curriculum are, in {@code ln(alpha / sigma)}. */
  private static final double EASIER = 2;

  private static final double SPREAD = 1;
  private static final double FORGET = 0.995;

  /** Rows a run must have seen before its losses say where to look. */
  private static final double ENOUGH = 2000;

  private final LatentPath path;
  private final boolean warp;
  private final double centre;
  private final float[] sums = new float[BINS];
  private final float[] counts = new float[BINS];
  private double seen;

  /**
   * @param latent numbers of a position's latent
   * @param warp whether the levels follow the loss
   */
  NoiseLevels(LatentPath path, int latent, boolean warp) {
    this.path = path;
    this.warp = warp;
    centre = 0.5 * Math.log(CENTRE_RATIO / latent);
  }

  /** The levels of a run, with what its losses have taught them. */
  static NoiseLevels of(Checkpoint run) throws IOException {
    NoiseLevels levels = of(run.settings(LatentSettings.class));
    levels.load(run.require("levels"));
    return levels;
  }

  /** The levels of a run at its beginning. */
  static NoiseLevels of(LatentSettings settings) {
    return new NoiseLevels(
        settings.shape().path(), settings.shape().latent().latent(), settings.timeWarp());
  }

  /** What a resumed run needs. */
  float[] state() {
    float[] state = Arrays.copyOf(sums, 2 * BINS + 1);
    System.arraycopy(counts, 0, state, BINS, BINS);
    state[2 * BINS] = (float) seen;
    return state;
  }

  void load(float[] state) {
    System.arraycopy(state, 0, sums, 0, BINS);
    System.arraycopy(state, BINS, counts, 0, BINS);
    seen = state[2 * BINS];
  }

  /** Learns what rows at some times lost; called once a step. */
  void observe(float[] times, double[] losses) {
    for (int b = 0; b < BINS; b++) {
      sums[b] *= (float) FORGET;
      counts[b] *= (float) FORGET;
    }
    for (int i = 0; i < times.length; i++) {
      int b = bin(times[i]);
      sums[b] += (float) losses[i];
      counts[b]++;
    }
    seen += times.length;
  }

  private int bin(double time) {
    double level = path.logSnr(Math.clamp(time, 1e-6, 1 - 1e-6));
    return Math.clamp((int) ((level - LEAST) / (MOST - LEAST) * BINS), 0, BINS - 1);
  }

  /** The probabilities of the bins, without the floor. */
  private double[] density() {
    double[] p = new double[BINS];
    double total = 0;
    for (int b = 0; b < BINS; b++) {
      double x = (middle(b) - centre) / SPREAD;
      p[b] = Math.exp(-x * x / 2);
      total += p[b];
    }
    for (int b = 0; b < BINS; b++) {
      p[b] /= total;
    }
    double[] change = change();
    double sum = Arrays.stream(change).sum();
    if (warp && seen >= ENOUGH && sum > 0) {
      for (int b = 0; b < BINS; b++) {
        p[b] = 0.5 * p[b] + 0.5 * change[b] / sum;
      }
    }
    return p;
  }

  /** By how much the loss falls within each bin; it is made smooth and monotone first. */
  private double[] change() {
    double[] loss = new double[BINS + 1];
    for (int b = BINS - 1; b >= 0; b--) {
      double sum = 0;
      double count = 0;
      for (int n = Math.max(0, b - 3); n <= Math.min(BINS - 1, b + 3); n++) {
        double weight = 4 - Math.abs(n - b);
        sum += weight * sums[n];
        count += weight * counts[n];
      }
      loss[b] = Math.max(loss[b + 1], count < 1 ? 0 : sum / count);
    }
    double[] change = new double[BINS];
    for (int b = 0; b < BINS; b++) {
      change[b] = loss[b] - loss[b + 1];
    }
    return change;
  }

  private static double middle(int bin) {
    return LEAST + (bin + 0.5) * (MOST - LEAST) / BINS;
  }

  /**
   * The times of a batch, one a row, spread evenly over the distribution.
   *
   * @param shift where the first lies, 0 to 1
   * @param easier how much of a curriculum's ease is left, 0 to 1
   */
  float[] draw(int rows, double shift, double easier) {
    double[] p = density();
    float[] times = new float[rows];
    for (int r = 0; r < rows; r++) {
      double u = (r + shift) / rows % 1;
      times[r] =
          (float)
              (u < FLOOR
                  ? FLOOR_TIME * u / FLOOR
                  : path.timeOf(level(p, (u - FLOOR) / (1 - FLOOR)) + EASIER * easier));
    }
    return times;
  }

  private static double level(double[] p, double u) {
    double at = 0;
    for (int b = 0; b < BINS; b++) {
      if (u < at + p[b]) {
        return LEAST + (b + (u - at) / p[b]) * (MOST - LEAST) / BINS;
      }
      at += p[b];
    }
    return MOST;
  }

  /**
   * Times that split the distribution into equal parts; the first is 0.
   *
   * @param count how many
   */
  double[] quantiles(int count) {
    double[] p = density();
    double[] times = new double[count];
    for (int i = 1; i < count; i++) {
      double goal = (double) i / count;
      double low = LEAST - 3;
      double high = MOST;
      for (int round = 0; round < 60; round++) {
        double middle = (low + high) / 2;
        if (below(p, middle) < goal) {
          low = middle;
        } else {
          high = middle;
        }
      }
      times[i] = path.timeOf(low);
    }
    return times;
  }

  /** The probability of a level at most this one, with the floor. */
  private double below(double[] p, double level) {
    double main = 0;
    double at = (level - LEAST) / (MOST - LEAST) * BINS;
    for (int b = 0; b < BINS; b++) {
      main += p[b] * Math.clamp(at - b, 0, 1);
    }
    double floor = Math.clamp(path.timeOf(level) / FLOOR_TIME, 0, 1);
    return FLOOR * floor + (1 - FLOOR) * main;
  }
}
