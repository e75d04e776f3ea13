/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.ElementCodec;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * The hybrid latent model in float64, one sequence and one number at a time, written from its
 * definition and not from the code.
 */
public final class ReferenceHybrid {
  private final HybridConfig config;
  private final HybridWeights.Autoencoder vq;
  private final HybridWeights.Denoiser denoiser;
  private final double eps;
  private final Map<WeightView, double[][]> matrices = new IdentityHashMap<>();

  public ReferenceHybrid(HybridConfig config, HybridWeights weights) {
    this.config = config;
    vq = weights.autoencoder();
    denoiser = weights.denoiser();
    eps = config.normEpsilon();
  }

  // ---- VQ-VAE ----

  /** What is quantised, for a sequence of known tokens. */
  public double[][] encode(int[] tokens) {
    double[][] embedding = matrix(vq.embedding());
    double[][] x = new double[tokens.length][];
    for (int i = 0; i < tokens.length; i++) {
      x[i] = embedding[tokens[i]].clone();
    }
    for (WeightView convolution : vq.convolutions()) {
      double[][] y = new double[x.length][];
      for (int i = 0; i < x.length; i++) {
        y[i] = silu(groupNorm(x[i]));
      }
      addAll(x, times(matrix(convolution), shift3(y)));
    }
    double[][] normed = new double[x.length][];
    for (int i = 0; i < x.length; i++) {
      normed[i] = rmsNorm(x[i]);
    }
    return times(matrix(vq.out()), normed);
  }

  /** The nearest code of each group. */
  public int[] codes(double[] e) {
    double[][] book = matrix(vq.codebook());
    int[] codes = new int[config.groups()];
    for (int g = 0; g < codes.length; g++) {
      double most = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < config.codes(); k++) {
        double dot = 0;
        for (int i = 0; i < config.groupWidth(); i++) {
          dot += e[g * config.groupWidth() + i] * book[g * config.codes() + k][i];
        }
        if (dot > most) {
          most = dot;
          codes[g] = k;
        }
      }
    }
    return codes;
  }

  /** The latent of codes. */
  public double[] latent(int[] codes) {
    double[][] book = matrix(vq.codebook());
    double[] out = new double[config.width()];
    for (int g = 0; g < codes.length; g++) {
      System.arraycopy(
          book[g * config.codes() + codes[g]],
          0,
          out,
          g * config.groupWidth(),
          config.groupWidth());
    }
    return out;
  }

  /** Logits of the tokens of a sequence of latents. */
  public double[][] decode(double[][] latents) {
    double[][] x = times(matrix(vq.decoderIn()), latents);
    for (TransformerWeights.Layer w : vq.decoder()) {
      double[] attentionNorm = vector(w.attentionNorm());
      double[] ffnNorm = vector(w.ffnNorm());
      double[][] n = new double[x.length][];
      for (int i = 0; i < x.length; i++) {
        n[i] = product(rmsNorm(x[i]), attentionNorm);
      }
      double[][] q = times(matrix(w.query()), n);
      double[][] k = times(matrix(w.key()), n);
      double[][] v = times(matrix(w.value()), n);
      addAll(x, times(matrix(w.output()), attention(q, k, v, config.autoencoder().heads())));
      for (int i = 0; i < x.length; i++) {
        n[i] = product(rmsNorm(x[i]), ffnNorm);
      }
      addAll(x, feed(n, w.gate(), w.up(), w.down()));
    }
    double[] norm = vector(vq.norm());
    for (int i = 0; i < x.length; i++) {
      x[i] = product(rmsNorm(x[i]), norm);
    }
    return times(matrix(vq.head()), x);
  }

  // ---- denoiser ----

  /**
   * Logits of a sequence.
   *
   * @param input {@code [z | x̂0]} of each position
   */
  public double[][] denoise(double[][] input, int[] states, double[] times) {
    int h1 = config.full().hidden();
    int h2 = config.half().hidden();
    double[][] x = times(matrix(denoiser.in()), input);
    double[][] state = matrix(denoiser.state());
    double[][] modulation = new double[x.length][];
    for (int i = 0; i < x.length; i++) {
      x[i] = plus(x[i], state[states[i]]);
      modulation[i] = modulation(times[i]);
    }
    int column = 0;
    for (HybridWeights.Block block : denoiser.before()) {
      run(x, block, config.full().heads(), modulation, column);
      column += 9 * h1;
    }
    if (denoiser.resampling().isPresent()) {
      HybridWeights.Resampling r = denoiser.resampling().get();
      double[][] taps = matrix(r.taps());
      int rows = (x.length + 1) / 2;
      double[][] pooled = new double[rows][h1];
      double[][] halfModulation = new double[rows][];
      for (int j = 0; j < rows; j++) {
        for (int k = 0; k < 4; k++) {
          int from = 2 * j - 1 + k;
          for (int c = 0; c < h1 && from >= 0 && from < x.length; c++) {
            pooled[j][c] += taps[k][c] * x[from][c];
          }
        }
        double time = times[2 * j];
        time = 2 * j + 1 < x.length ? Math.min(time, times[2 * j + 1]) : time;
        halfModulation[j] = modulation(time);
      }
      double[][] h = times(matrix(r.down()), pooled);
      for (HybridWeights.Block block : denoiser.half()) {
        run(h, block, config.half().heads(), halfModulation, column);
        column += 9 * h2;
      }
      double[] norm = vector(r.norm());
      double[] gate = vector(r.gate());
      for (int j = 0; j < rows; j++) {
        h[j] = product(rmsNorm(h[j]), norm);
      }
      double[][] up = times(matrix(r.up()), h);
      for (int i = 0; i < x.length; i++) {
        x[i] = plus(x[i], product(gate, up[i / 2]));
      }
    }
    for (HybridWeights.Block block : denoiser.after()) {
      run(x, block, config.full().heads(), modulation, column);
      column += 9 * h1;
    }
    double[][] out = new double[x.length][];
    for (int i = 0; i < x.length; i++) {
      out[i] = film(rmsNorm(x[i]), modulation[i], column);
    }
    return times(matrix(denoiser.out()), out);
  }

  private double[] modulation(double t) {
    int half = config.timeFeatures() / 2;
    double[] f = new double[2 * half];
    for (int j = 0; j < half; j++) {
      double angle = Math.pow(10_000, -(double) j / half) * 1000 * (float) t;
      f[2 * j] = Math.cos(angle);
      f[2 * j + 1] = Math.sin(angle);
    }
    double[] u =
        product(silu(times(matrix(denoiser.timeGate()), f)), times(matrix(denoiser.timeUp()), f));
    return plus(times(matrix(denoiser.modulation()), u), vector(denoiser.modulationBias()));
  }

  private void run(
      double[][] x, HybridWeights.Block w, int heads, double[][] modulation, int column) {
    int h = x[0].length;
    double[][] y = new double[x.length][];
    for (int i = 0; i < x.length; i++) {
      y[i] = silu(film(groupNorm(x[i]), modulation[i], column));
    }
    gateAdd(x, times(matrix(w.convolution()), shift3(y)), modulation, column + 2 * h);
    for (int i = 0; i < x.length; i++) {
      y[i] = film(rmsNorm(x[i]), modulation[i], column + 3 * h);
    }
    double[][] q = headNorms(times(matrix(w.query()), y), vector(w.queryNorm()));
    double[][] k = headNorms(times(matrix(w.key()), y), vector(w.keyNorm()));
    double[][] v = times(matrix(w.value()), y);
    gateAdd(x, times(matrix(w.output()), attention(q, k, v, heads)), modulation, column + 5 * h);
    for (int i = 0; i < x.length; i++) {
      y[i] = film(rmsNorm(x[i]), modulation[i], column + 6 * h);
    }
    gateAdd(x, feed(y, w.gate(), w.up(), w.down()), modulation, column + 8 * h);
  }

  private static void gateAdd(double[][] x, double[][] y, double[][] modulation, int column) {
    for (int i = 0; i < x.length; i++) {
      for (int c = 0; c < x[i].length; c++) {
        x[i][c] += modulation[i][column + c] * y[i][c];
      }
    }
  }

  // ---- parts ----

  private static double[] film(double[] x, double[] modulation, int column) {
    double[] out = new double[x.length];
    for (int c = 0; c < x.length; c++) {
      out[c] = x[c] * (1 + modulation[column + c]) + modulation[column + x.length + c];
    }
    return out;
  }

  private double[][] feed(double[][] x, WeightView gate, WeightView up, WeightView down) {
    double[][] g = times(matrix(gate), x);
    double[][] u = times(matrix(up), x);
    double[][] a = new double[x.length][];
    for (int i = 0; i < x.length; i++) {
      a[i] = product(silu(g[i]), u[i]);
    }
    return times(matrix(down), a);
  }

  private double[][] attention(double[][] q, double[][] k, double[][] v, int heads) {
    int d = q[0].length / heads;
    double[][] out = new double[q.length][q[0].length];
    for (int i = 0; i < q.length; i++) {
      turn(q[i], i, d);
      turn(k[i], i, d);
    }
    for (int i = 0; i < q.length; i++) {
      for (int h = 0; h < heads; h++) {
        double[] p = new double[k.length];
        double sum = 0;
        for (int j = 0; j < k.length; j++) {
          for (int c = h * d; c < (h + 1) * d; c++) {
            p[j] += q[i][c] * k[j][c];
          }
          p[j] = Math.exp(p[j] / Math.sqrt(d));
          sum += p[j];
        }
        for (int j = 0; j < k.length; j++) {
          for (int c = h * d; c < (h + 1) * d; c++) {
            out[i][c] += p[j] / sum * v[j][c];
          }
        }
      }
    }
    return out;
  }

  private void turn(double[] heads, int position, int d) {
    for (int h = 0; h < heads.length; h += d) {
      for (int i = 0; i < d / 2; i++) {
        double angle = position / Math.pow(config.ropeTheta(), 2.0 * i / d);
        double a = heads[h + i];
        double b = heads[h + i + d / 2];
        heads[h + i] = a * Math.cos(angle) - b * Math.sin(angle);
        heads[h + i + d / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
  }

  private double[][] headNorms(double[][] x, double[] weight) {
    for (double[] row : x) {
      for (int h = 0; h < row.length; h += weight.length) {
        double[] head = product(rmsNorm(Arrays.copyOfRange(row, h, h + weight.length)), weight);
        System.arraycopy(head, 0, row, h, weight.length);
      }
    }
    return x;
  }

  private double[] rmsNorm(double[] x) {
    double squares = 0;
    for (double v : x) {
      squares += v * v;
    }
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i] / Math.sqrt(squares / x.length + eps);
    }
    return out;
  }

  private double[] groupNorm(double[] x) {
    double[] out = new double[x.length];
    int part = x.length / config.normGroups();
    for (int at = 0; at < x.length; at += part) {
      double mean = 0;
      double squares = 0;
      for (int i = at; i < at + part; i++) {
        mean += x[i] / part;
      }
      for (int i = at; i < at + part; i++) {
        squares += (x[i] - mean) * (x[i] - mean) / part;
      }
      for (int i = at; i < at + part; i++) {
        out[i] = (x[i] - mean) / Math.sqrt(squares + eps);
      }
    }
    return out;
  }

  private static double[] silu(double[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i] / (1 + Math.exp(-x[i]));
    }
    return out;
  }

  private static double[][] shift3(double[][] y) {
    int n = y[0].length;
    double[][] out = new double[y.length][3 * n];
    for (int i = 0; i < y.length; i++) {
      for (int k = 0; k < 3; k++) {
        int from = i - 1 + k;
        if (from >= 0 && from < y.length) {
          System.arraycopy(y[from], 0, out[i], k * n, n);
        }
      }
    }
    return out;
  }

  private static void addAll(double[][] x, double[][] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] = plus(x[i], y[i]);
    }
  }

  private static double[] plus(double[] a, double[] b) {
    double[] out = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      out[i] = a[i] + b[i];
    }
    return out;
  }

  private static double[] product(double[] a, double[] b) {
    double[] out = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      out[i] = a[i] * b[i];
    }
    return out;
  }

  private static double[][] times(double[][] matrix, double[][] x) {
    double[][] out = new double[x.length][];
    for (int i = 0; i < x.length; i++) {
      out[i] = times(matrix, x[i]);
    }
    return out;
  }

  private static double[] times(double[][] matrix, double[] x) {
    double[] out = new double[matrix.length];
    for (int o = 0; o < out.length; o++) {
      for (int i = 0; i < x.length; i++) {
        out[o] += matrix[o][i] * x[i];
      }
    }
    return out;
  }

  private static double[] vector(WeightView view) {
    return read(view, 0, (int) view.elements());
  }

  private double[][] matrix(WeightView view) {
    return matrices.computeIfAbsent(view, ReferenceHybrid::readMatrix);
  }

  private static double[][] readMatrix(WeightView view) {
    int width = view.dimension(1);
    double[][] out = new double[view.dimension(0)][];
    for (int o = 0; o < out.length; o++) {
      out[o] = read(view, (long) o * width, width);
    }
    return out;
  }

  private static double[] read(WeightView view, long first, int n) {
    float[] line = new float[n];
    ElementCodec.decode(view, first, n, line);
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      out[i] = line[i];
    }
    return out;
  }

  /** ‖found − expected‖ / ‖expected‖ over some rows. */
  public static double relativeError(List<float[]> found, List<double[]> expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.size(); i++) {
      for (int j = 0; j < expected.get(i).length; j++) {
        double e = expected.get(i)[j];
        difference += (found.get(i)[j] - e) * (found.get(i)[j] - e);
        norm += e * e;
      }
    }
    return Math.sqrt(difference / norm);
  }
}
