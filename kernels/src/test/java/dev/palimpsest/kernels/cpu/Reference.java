/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;

/** Every op in float64, as its definition reads, without any thought of speed. */
public final class Reference {
  private Reference() {}

  /** {@code [m][k] · [n][k]ᵀ}. */
  public static double[] product(float[] x, float[] w, int m, int k, int n) {
    double[] out = new double[m * n];
    for (int r = 0; r < m; r++) {
      for (int c = 0; c < n; c++) {
        double sum = 0;
        for (int i = 0; i < k; i++) {
          sum += (double) x[r * k + i] * w[c * k + i];
        }
        out[r * n + c] = sum;
      }
    }
    return out;
  }

  public static double[] gatedSilu(double[] gate, double[] up) {
    double[] out = new double[gate.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    }
    return out;
  }

  public static void rmsNorm(double[] x, int at, int n, float[] weight, float eps) {
    double squares = 0;
    for (int i = 0; i < n; i++) {
      squares += x[at + i] * x[at + i];
    }
    double inverse = 1 / Math.sqrt(squares / n + eps);
    for (int i = 0; i < n; i++) {
      x[at + i] *= inverse * weight[i];
    }
  }

  public static void rotate(double[] x, int rows, HeadShape s, Rope rope, int[] positions) {
    int half = rope.dims() / 2;
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < s.heads() + s.kvHeads(); h++) {
        int at = r * s.fusedWidth() + h * s.headDim();
        for (int i = 0; i < half; i++) {
          double angle = positions[r] / Math.pow(rope.theta(), 2.0 * i / rope.dims());
          boolean split = rope.pairing() == Rope.Pairing.HALF_SPLIT;
          int first = split ? at + i : at + 2 * i;
          int second = split ? at + i + half : at + 2 * i + 1;
          double a = x[first];
          double b = x[second];
          x[first] = a * Math.cos(angle) - b * Math.sin(angle);
          x[second] = a * Math.sin(angle) + b * Math.cos(angle);
        }
      }
    }
  }

  /** One sequence: fused rows {@code first .. first + length - 1}. */
  public static void attention(
      float[] fused, int first, int length, HeadShape s, AttentionMask mask, double[] out) {
    int d = s.headDim();
    int w = s.fusedWidth();
    double[] p = new double[length];
    for (int q = 0; q < length; q++) {
      int block = mask.blockLength();
      int seen = block == 0 ? length : Math.min(length, (q / block + 1) * block);
      for (int h = 0; h < s.heads(); h++) {
        int kv = h / (s.heads() / s.kvHeads());
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < seen; k++) {
          double dot = 0;
          for (int i = 0; i < d; i++) {
            dot +=
                (double) fused[(first + q) * w + h * d + i]
                    * fused[(first + k) * w + s.queryWidth() + kv * d + i];
          }
          p[k] = dot / Math.sqrt(d);
          max = Math.max(max, p[k]);
        }
        double sum = 0;
        for (int k = 0; k < seen; k++) {
          p[k] = Math.exp(p[k] - max);
          sum += p[k];
        }
        for (int i = 0; i < d; i++) {
          double o = 0;
          for (int k = 0; k < seen; k++) {
            o += p[k] * fused[(first + k) * w + s.queryWidth() + s.keyWidth() + kv * d + i];
          }
          out[(first + q) * s.queryWidth() + h * d + i] = o / sum;
        }
      }
    }
  }

  /** ‖a − b‖ / ‖b‖. */
  public static double relativeError(float[] found, double[] expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += (found[i] - expected[i]) * (found[i] - expected[i]);
      norm += expected[i] * expected[i];
    }
    return Math.sqrt(difference / norm);
  }
}
