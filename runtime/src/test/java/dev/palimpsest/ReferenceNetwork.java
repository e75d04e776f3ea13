/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A transformer in float64, one number at a time, whose keys and values stay where the last row
 * that was fed at their position has left them.
 */
final class ReferenceNetwork {
  private final ModelConfig config;
  private final double[][] embedding;
  private final double[][] head;
  private final double[] outputNorm;
  private final Block[] blocks;

  private record Block(
      double[] attentionNorm,
      double[][] query,
      double[][] key,
      double[][] value,
      double[] queryBias,
      double[] keyBias,
      double[] valueBias,
      Optional<double[]> queryNorm,
      Optional<double[]> keyNorm,
      double[][] output,
      double[] ffnNorm,
      double[][] gate,
      double[][] up,
      double[][] down) {}

  /** Keys and values of one sequence: {@code [layer][position][kv width]}. */
  static final class Memory {
    private final double[][][] keys;
    private final double[][][] values;

    private Memory(int layers, int length) {
      keys = new double[layers][length][];
      values = new double[layers][length][];
    }
  }

  private ReferenceNetwork(ModelDescription model) {
    config = model.config();
    TransformerWeights weights = model.weights();
    embedding = matrix(weights.embedding());
    head = matrix(weights.head());
    outputNorm = vector(weights.outputNorm());
    blocks =
        weights.layers().stream()
            .map(
                w ->
                    new Block(
                        vector(w.attentionNorm()),
                        matrix(w.query()),
                        matrix(w.key()),
                        matrix(w.value()),
                        bias(w.queryBias(), config.heads().queryWidth()),
                        bias(w.keyBias(), config.heads().keyWidth()),
                        bias(w.valueBias(), config.heads().keyWidth()),
                        w.queryNorm().map(ReferenceNetwork::vector),
                        w.keyNorm().map(ReferenceNetwork::vector),
                        matrix(w.output()),
                        vector(w.ffnNorm()),
                        matrix(w.gate()),
                        matrix(w.up()),
                        matrix(w.down())))
            .toArray(Block[]::new);
    if (config.outputBias()) {
      throw new IllegalArgumentException("not written down here: " + config);
    }
  }

  static ReferenceNetwork open(Path model) {
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      return new ReferenceNetwork(Families.describe(checkpoint));
    }
  }

  ModelConfig config() {
    return config;
  }

  Memory memory(int length) {
    return new Memory(config.layers(), length);
  }

  /**
   * Feeds positions {@code from .. to - 1} of {@code tokens}, leaves their keys and values in
   * {@code memory}, and answers their logits.
   */
  double[][] feed(List<Integer> tokens, int from, int to, Memory memory) {
    return feed(tokens, IntStream.range(from, to).toArray(), memory);
  }

  /**
   * Feeds the positions {@code at} of {@code tokens}, leaves their keys and values in {@code
   * memory}, and answers their logits, in that order.
   */
  double[][] feed(List<Integer> tokens, int[] at, Memory memory) {
    int rows = at.length;
    double[][] x = new double[rows][];
    for (int i = 0; i < rows; i++) {
      x[i] = embedding[tokens.get(at[i])].clone();
    }
    for (int l = 0; l < blocks.length; l++) {
      Block b = blocks[l];
      double[][] queries = new double[rows][];
      for (int i = 0; i < rows; i++) {
        double[] n = norm(x[i], b.attentionNorm);
        double[] query = normedHeads(plus(times(b.query, n), b.queryBias), b.queryNorm);
        double[] key = normedHeads(plus(times(b.key, n), b.keyBias), b.keyNorm);
        queries[i] = turned(query, at[i]);
        memory.keys[l][at[i]] = turned(key, at[i]);
        memory.values[l][at[i]] = plus(times(b.value, n), b.valueBias);
      }
      for (int i = 0; i < rows; i++) {
        int seen = seen(at[i], memory.keys[l].length);
        double[] attended = attend(queries[i], memory.keys[l], memory.values[l], seen);
        x[i] = plus(x[i], times(b.output, attended));
        double[] n = norm(x[i], b.ffnNorm);
        double[] gate = times(b.gate, n);
        double[] up = times(b.up, n);
        for (int j = 0; j < gate.length; j++) {
          gate[j] = gate[j] / (1 + Math.exp(-gate[j])) * up[j];
        }
        x[i] = plus(x[i], times(b.down, gate));
      }
    }
    for (int i = 0; i < rows; i++) {
      x[i] = times(head, norm(x[i], outputNorm));
    }
    return x;
  }

  /** Keys that a position sees of so many. */
  private int seen(int position, int length) {
    int block = config.mask().blockLength();
    return block == 0 ? length : Math.min(length, (position / block + 1) * block);
  }

  private double[] normedHeads(double[] heads, Optional<double[]> weight) {
    int d = config.heads().headDim();
    for (int h = 0; weight.isPresent() && h < heads.length; h += d) {
      double[] head = norm(Arrays.copyOfRange(heads, h, h + d), weight.get());
      System.arraycopy(head, 0, heads, h, d);
    }
    return heads;
  }

  private double[] attend(double[] query, double[][] keys, double[][] values, int seen) {
    HeadShape shape = config.heads();
    int d = shape.headDim();
    double[] out = new double[shape.queryWidth()];
    double[] p = new double[seen];
    for (int h = 0; h < shape.heads(); h++) {
      int kv = h / (shape.heads() / shape.kvHeads()) * d;
      double sum = 0;
      for (int k = 0; k < seen; k++) {
        double dot = 0;
        for (int i = 0; i < d; i++) {
          dot += query[h * d + i] * keys[k][kv + i];
        }
        p[k] = Math.exp(dot / Math.sqrt(d));
        sum += p[k];
      }
      for (int k = 0; k < seen; k++) {
        for (int i = 0; i < d; i++) {
          out[h * d + i] += p[k] / sum * values[k][kv + i];
        }
      }
    }
    return out;
  }

  private double[] turned(double[] heads, int position) {
    Rope rope = config.rope();
    int half = rope.dims() / 2;
    if (rope.pairing() != Rope.Pairing.HALF_SPLIT) {
      throw new IllegalArgumentException("not written down here: " + rope);
    }
    for (int h = 0; h < heads.length; h += config.heads().headDim()) {
      for (int i = 0; i < half; i++) {
        double angle = position / Math.pow(rope.theta(), 2.0 * i / rope.dims());
        double a = heads[h + i];
        double b = heads[h + i + half];
        heads[h + i] = a * Math.cos(angle) - b * Math.sin(angle);
        heads[h + i + half] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return heads;
  }

  private double[] norm(double[] x, double[] weight) {
    double squares = 0;
    for (double v : x) {
      squares += v * v;
    }
    double factor = 1 / Math.sqrt(squares / x.length + config.normEpsilon());
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i] * factor * weight[i];
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

  private static double[] plus(double[] a, double[] b) {
    double[] out = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      out[i] = a[i] + b[i];
    }
    return out;
  }

  private static double[] bias(Optional<WeightView> view, int width) {
    return view.map(ReferenceNetwork::vector).orElseGet(() -> new double[width]);
  }

  private static double[] vector(WeightView view) {
    return read(view, 0, (int) view.elements());
  }

  private static double[][] matrix(WeightView view) {
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
}
