/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.Map;

/** LLaDA's forward pass as plain float64 loops over a checkpoint's own names and layouts. */
final class PlainLlada {
  private final Map<String, float[]> tensors;
  private final DenoiserShape shape;

  PlainLlada(TensorFile file, DenoiserShape shape) {
    this.tensors = file.tensors();
    this.shape = shape;
  }

  /** Logits of every position, [length][vocabulary]. */
  double[][] logits(int[] ids) {
    int h = shape.hidden();
    double[][] x = new double[ids.length][h];
    float[] wte = tensors.get("model.transformer.wte.weight");
    for (int p = 0; p < ids.length; p++) {
      for (int i = 0; i < h; i++) {
        x[p][i] = wte[ids[p] * h + i];
      }
    }
    for (int layer = 0; layer < shape.layers(); layer++) {
      String at = "model.transformer.blocks." + layer + ".";
      double[][] n = norm(x, at + "attn_norm");
      add(x, times(attention(n, at), at + "attn_out"));
      n = norm(x, at + "ff_norm");
      double[][] gate = times(n, at + "ff_proj");
      double[][] up = times(n, at + "up_proj");
      for (int p = 0; p < gate.length; p++) {
        for (int i = 0; i < gate[p].length; i++) {
          gate[p][i] *= up[p][i] / (1 + Math.exp(-gate[p][i]));
        }
      }
      add(x, times(gate, at + "ff_out"));
    }
    return times(norm(x, "model.transformer.ln_f"), "model.transformer.wte");
  }

  private double[][] attention(double[][] x, String at) {
    double[][] q = turned(times(x, at + "q_proj"));
    double[][] k = turned(times(x, at + "k_proj"));
    double[][] v = times(x, at + "v_proj");
    int size = shape.headSize();
    double[][] out = new double[x.length][shape.hidden()];
    for (int head = 0; head < shape.heads(); head++) {
      for (int p = 0; p < x.length; p++) {
        double[] weight = new double[x.length];
        double sum = 0;
        for (int j = 0; j < x.length; j++) {
          double dot = 0;
          for (int i = head * size; i < (head + 1) * size; i++) {
            dot += q[p][i] * k[j][i];
          }
          weight[j] = Math.exp(dot / Math.sqrt(size));
          sum += weight[j];
        }
        for (int j = 0; j < x.length; j++) {
          for (int i = head * size; i < (head + 1) * size; i++) {
            out[p][i] += weight[j] / sum * v[j][i];
          }
        }
      }
    }
    return out;
  }

  /** Half-split rotary embedding: element i turns with element i + size/2. */
  private double[][] turned(double[][] x) {
    int size = shape.headSize();
    for (int p = 0; p < x.length; p++) {
      for (int head = 0; head < shape.heads(); head++) {
        for (int i = 0; i < size / 2; i++) {
          double angle = p * Math.pow(DenoiserShape.ROPE_THETA, -2.0 * i / size);
          int a = head * size + i;
          int b = a + size / 2;
          double first = x[p][a];
          double second = x[p][b];
          x[p][a] = first * Math.cos(angle) - second * Math.sin(angle);
          x[p][b] = second * Math.cos(angle) + first * Math.sin(angle);
        }
      }
    }
    return x;
  }

  private double[][] norm(double[][] x, String name) {
    float[] scale = tensors.get(name + ".weight");
    double[][] out = new double[x.length][scale.length];
    for (int p = 0; p < x.length; p++) {
      double square = 0;
      for (double value : x[p]) {
        square += value * value;
      }
      double inverse = 1 / Math.sqrt(square / scale.length + DenoiserShape.NORM_EPSILON);
      for (int i = 0; i < scale.length; i++) {
        out[p][i] = x[p][i] * inverse * scale[i];
      }
    }
    return out;
  }

  private double[][] times(double[][] x, String name) {
    float[] w = tensors.get(name + ".weight");
    int in = x[0].length;
    double[][] out = new double[x.length][w.length / in];
    for (int p = 0; p < x.length; p++) {
      for (int o = 0; o < out[p].length; o++) {
        double sum = 0;
        for (int i = 0; i < in; i++) {
          sum += x[p][i] * w[o * in + i];
        }
        out[p][o] = sum;
      }
    }
    return out;
  }

  private static void add(double[][] x, double[][] y) {
    for (int p = 0; p < x.length; p++) {
      for (int i = 0; i < x[p].length; i++) {
        x[p][i] += y[p][i];
      }
    }
  }
}
