/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ReferenceHybrid;
import dev.palimpsest.process.latent.LatentOptions;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.process.latent.Solver;
import java.util.Arrays;

/**
 * Samples from a hybrid latent model in float64, one request at a time, written from the
 * definitions alone. Windows are given.
 */
final class ReferenceSampler {
  private final ReferenceHybrid network;
  private final HybridConfig config;

  ReferenceSampler(ReferenceHybrid network, HybridConfig config) {
    this.network = network;
    this.config = config;
  }

  /**
   * Writes the MASKs of {@code tokens}, a window after another.
   *
   * @param windows {@code {from, to}}: what is seen; the MASKs in it are written
   * @param calls of the denoiser so far
   * @return calls of the denoiser in all
   */
  int write(int[] tokens, LatentOptions options, int[][] windows, int calls) {
    for (int[] window : windows) {
      calls = block(tokens, options, window, calls);
    }
    return calls;
  }

  private int block(int[] tokens, LatentOptions options, int[] window, int calls) {
    int from = window[0];
    int length = window[1] - from;
    int width = config.width();
    boolean[] open = new boolean[length];
    double[][] z = new double[length][];
    double[][] x0 = new double[length][];
    for (int i = 0; i < length; i++) {
      open[i] = tokens[from + i] == config.maskToken();
    }
    int[] states = new int[length];
    for (int i = 0; i < length; i++) {
      if (open[i]) {
        double[] e = noise(options.seed(), calls, from + i, 2);
        z[i] = times(config.path().sigma(grid(options, options.steps())[0]), e);
        x0[i] = new double[width];
        continue;
      }
      int end = i;
      while (end < length && !open[end]) {
        end++;
      }
      double[][] encoded = network.encode(Arrays.copyOfRange(tokens, from + i, from + end));
      for (int p = i; p < end; p++) {
        z[p] = network.latent(network.codes(encoded[p - i]));
        x0[p] = z[p];
        states[p] = 1;
      }
      i = end - 1;
    }
    int[][] codes = new int[length][];
    double[] quality = new double[length];
    double[] times = grid(options, options.steps());
    calls = denoise(z, x0, states, codes, quality, times, options, from, calls);
    boolean doubts = false;
    for (int i = 0; i < length; i++) {
      doubts |= options.refineSteps() > 0 && open[i] && quality[i] < options.refineThreshold();
    }
    if (doubts) {
      double t = options.refineTime();
      for (int i = 0; i < length; i++) {
        if (open[i]) {
          z[i] = network.latent(codes[i]);
          x0[i] = z[i];
          states[i] = 3;
          if (quality[i] < options.refineThreshold()) {
            double[] e = noise(options.seed(), calls, from + i, 2);
            z[i] = plus(times(config.path().alpha(t), z[i]), times(config.path().sigma(t), e));
            x0[i] = new double[width];
            states[i] = 0;
          }
        }
      }
      double[] again = new double[options.refineSteps()];
      Arrays.setAll(again, i -> t + (1 - t) * i / again.length);
      calls = denoise(z, x0, states, codes, quality, again, options, from, calls);
    }
    double[][] logits = network.decode(z);
    for (int i = 0; i < length; i++) {
      if (open[i]) {
        int best = config.maskToken() == 0 ? 1 : 0;
        for (int v = 0; v < config.vocabulary(); v++) {
          best = v != config.maskToken() && logits[i][v] > logits[i][best] ? v : best;
        }
        tokens[from + i] = best;
      }
    }
    return calls;
  }

  private double[] grid(LatentOptions options, int steps) {
    return options.grid().times(steps, config.sampling());
  }

  private int denoise(
      double[][] z,
      double[][] x0,
      int[] states,
      int[][] codes,
      double[] quality,
      double[] times,
      LatentOptions options,
      int from,
      int calls) {
    int length = z.length;
    int logitsWidth = config.groups() * config.codes();
    for (int k = 0; k < times.length; k++, calls++) {
      double[][] input = new double[length][];
      double[][] hidden = new double[length][];
      int[] hiddenStates = states.clone();
      double[] rowTimes = new double[length];
      double[] hiddenTimes = new double[length];
      for (int i = 0; i < length; i++) {
        input[i] = joined(z[i], x0[i]);
        rowTimes[i] = states[i] == 0 ? times[k] : 1;
        hidden[i] = states[i] == 1 ? new double[input[i].length] : input[i];
        hiddenStates[i] = states[i] == 1 ? 2 : states[i];
        hiddenTimes[i] = states[i] == 1 ? times[k] : rowTimes[i];
      }
      double[][] c = network.denoise(input, states, rowTimes);
      double[][] u =
          options.guidance() == 0 ? c : network.denoise(hidden, hiddenStates, hiddenTimes);
      double next = k + 1 < times.length ? times[k + 1] : 1;
      double before = k == 0 ? Double.NaN : times[k - 1];
      for (int i = 0; i < length; i++) {
        if (states[i] != 0) {
          continue;
        }
        double[] l = new double[logitsWidth];
        for (int j = 0; j < logitsWidth; j++) {
          l[j] = u[i][j] + (options.guidance() + 1) * (c[i][j] - u[i][j]);
        }
        quality[i] = 1 / (1 + Math.exp(-c[i][logitsWidth]));
        codes[i] = new int[config.groups()];
        double[] x = estimate(l, codes[i], options.temperature());
        z[i] =
            step(
                options.solver(),
                options.churn(),
                new double[] {before, times[k], next},
                z[i],
                x,
                x0[i],
                noise(options.seed(), calls, from + i, 1));
        x0[i] = x;
      }
    }
    return calls;
  }

  private double[] estimate(double[] logits, int[] codes, double temperature) {
    double[] x = new double[config.width()];
    for (int g = 0; g < config.groups(); g++) {
      int at = g * config.codes();
      for (int k = 0; k < config.codes(); k++) {
        codes[g] = logits[at + k] > logits[at + codes[g]] ? k : codes[g];
      }
      double sum = 0;
      double[] p = new double[config.codes()];
      for (int k = 0; k < config.codes(); k++) {
        double d = logits[at + k] - logits[at + codes[g]];
        p[k] = temperature == 0 ? (k == codes[g] ? 1 : 0) : Math.exp(d / temperature);
        sum += p[k];
      }
      for (int k = 0; k < config.codes(); k++) {
        int[] one = new int[config.groups()];
        one[g] = k;
        double[] latent = network.latent(one);
        for (int c = g * config.groupWidth(); c < (g + 1) * config.groupWidth(); c++) {
          x[c] += p[k] / sum * latent[c];
        }
      }
    }
    return x;
  }

  /** The solvers as their papers write them. */
  private double[] step(
      Solver solver, double churn, double[] t, double[] z, double[] x, double[] old, double[] e) {
    NoisePath path = config.path();
    if (t[2] == 1) {
      return x;
    }
    double alpha = path.alpha(t[1]);
    double sigma = path.sigma(t[1]);
    double nextAlpha = path.alpha(t[2]);
    double nextSigma = path.sigma(t[2]);
    double[] data = x;
    double h = Math.log(nextAlpha / nextSigma) - Math.log(alpha / sigma);
    if (solver == Solver.DPM_SOLVER_2M && !Double.isNaN(t[0]) && t[0] > 0) {
      double last = Math.log(alpha / sigma) - Math.log(path.alpha(t[0]) / path.sigma(t[0]));
      double r = last / h;
      data = plus(times(1 + 1 / (2 * r), x), times(-1 / (2 * r), old));
    }
    double fresh = churn * nextSigma * Math.sqrt(1 - Math.exp(-2 * h));
    double kept = Math.sqrt(nextSigma * nextSigma - fresh * fresh);
    double[] out = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      double direction = (z[i] - alpha * data[i]) / sigma;
      out[i] = nextAlpha * data[i] + kept * direction + fresh * e[i];
    }
    return out;
  }

  private double[] noise(long seed, int step, int position, int stream) {
    double[] out = new double[config.width()];
    for (int i = 0; i < out.length; i += 2) {
      long[] words = philox(new long[] {i / 4, position, step, stream}, seed);
      double a = (words[i % 4] + 0.5) * 0x1p-32;
      double b = (words[i % 4 + 1] + 0.5) * 0x1p-32;
      out[i] = Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b);
      if (i + 1 < out.length) {
        out[i + 1] = Math.sqrt(-2 * Math.log(a)) * Math.sin(2 * Math.PI * b);
      }
    }
    return out;
  }

  /** Philox4x32-10 of Salmon et al., 2011. */
  private static long[] philox(long[] c, long seed) {
    long low = 0xFFFFFFFFL;
    long k0 = seed & low;
    long k1 = seed >>> 32;
    for (int round = 0; round < 10; round++) {
      long p0 = 0xD2511F53L * c[0];
      long p1 = 0xCD9E8D57L * c[2];
      c = new long[] {(p1 >>> 32) ^ c[1] ^ k0, p1 & low, (p0 >>> 32) ^ c[3] ^ k1, p0 & low};
      k0 = k0 + 0x9E3779B9L & low;
      k1 = k1 + 0xBB67AE85L & low;
    }
    return c;
  }

  private static double[] joined(double[] a, double[] b) {
    double[] out = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, out, a.length, b.length);
    return out;
  }

  private static double[] times(double factor, double[] x) {
    return Arrays.stream(x).map(v -> factor * v).toArray();
  }

  private static double[] plus(double[] a, double[] b) {
    double[] out = new double[a.length];
    Arrays.setAll(out, i -> a[i] + b[i]);
    return out;
  }
}
