/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.RowSpans;

/** The ops of latent diffusion in float64, as their definitions read. */
public final class LatentReference {
  private LatentReference() {}

  /** What a mean, a product or a softmax of doubles becomes of a float array. */
  public static double[] doubles(float[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i];
    }
    return out;
  }

  /** Adaptive norm of one row, {@code at} its first element. */
  public static double[] adaNorm(
      double[] x, int at, int n, double eps, double[] modulation, int scaleAt) {
    double squares = 0;
    for (int i = 0; i < n; i++) {
      squares += x[at + i] * x[at + i];
    }
    double norm = Math.sqrt(squares / n + eps);
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      out[i] = x[at + i] / norm * (1 + modulation[scaleAt + i]) + modulation[scaleAt + n + i];
    }
    return out;
  }

  /** {@code silu(film(groupNorm(x)))} of one row. */
  public static double[] activated(
      double[] x, int at, int n, int groups, double eps, double[] modulation, int scaleAt) {
    double[] out = new double[n];
    int part = n / groups;
    for (int g = 0; g < groups; g++) {
      double mean = 0;
      for (int i = 0; i < part; i++) {
        mean += x[at + g * part + i] / part;
      }
      double variance = 0;
      for (int i = 0; i < part; i++) {
        variance += Math.pow(x[at + g * part + i] - mean, 2) / part;
      }
      for (int i = 0; i < part; i++) {
        int c = g * part + i;
        double y = (x[at + c] - mean) / Math.sqrt(variance + eps);
        if (modulation.length > 0) {
          y = y * (1 + modulation[scaleAt + c]) + modulation[scaleAt + n + c];
        }
        out[c] = y / (1 + Math.exp(-y));
      }
    }
    return out;
  }

  /** Rows {@code [y(i − 1) | y(i) | y(i + 1)]} within each sequence. */
  public static double[] shifted(double[][] y, RowSpans spans, int n) {
    double[] out = new double[3 * n * y.length];
    for (int s = 0; s < spans.sequences(); s++) {
      for (int row = spans.start(s); row < spans.start(s + 1); row++) {
        for (int k = -1; k <= 1; k++) {
          if (row + k >= spans.start(s) && row + k < spans.start(s + 1)) {
            System.arraycopy(y[row + k], 0, out, (3 * row + 1 + k) * n, n);
          }
        }
      }
    }
    return out;
  }

  /** Softmax of {@code logits[at …]} divided by a temperature; 0 is all on the first largest. */
  public static double[] softmax(double[] logits, int at, int n, double temperature) {
    double max = Double.NEGATIVE_INFINITY;
    int largest = 0;
    for (int k = 0; k < n; k++) {
      if (logits[at + k] > max) {
        max = logits[at + k];
        largest = k;
      }
    }
    double[] p = new double[n];
    if (temperature == 0) {
      p[largest] = 1;
      return p;
    }
    double sum = 0;
    for (int k = 0; k < n; k++) {
      p[k] = Math.exp((logits[at + k] - max) / temperature);
      sum += p[k];
    }
    for (int k = 0; k < n; k++) {
      p[k] /= sum;
    }
    return p;
  }

  /** The noise of one dimension, from Philox' words. */
  public static double noise(long seed, int step, int position, int stream, int dimension) {
    Philox philox = new Philox();
    philox.block(dimension / 4, position, step, stream, (int) seed, (int) (seed >>> 32));
    int pair = dimension % 4 / 2 * 2;
    double radius = Math.sqrt(-2 * Math.log(philox.uniform(pair)));
    double angle = 2 * Math.PI * philox.uniform(pair + 1);
    return radius * (dimension % 2 == 0 ? Math.cos(angle) : Math.sin(angle));
  }
}
