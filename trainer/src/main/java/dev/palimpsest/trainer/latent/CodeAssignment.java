/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Gives every token codes of its own: clusters of what the tokens' embeddings have become, as even
 * as the tokens' frequencies allow, and no two tokens with the same codes in all groups.
 *
 * <p>Plain k-means on running text spends its codes where the text is dense and lets rare tokens
 * share all of theirs; a decoder then has to guess them from the context.
 *
 * @param codes of every token, [tokens][groups]
 * @param codebook [groups · codes · width], each code of length sqrt(width)
 */
record CodeAssignment(int[][] codes, float[] codebook) {
  /** No code stands for more than this many even shares of the text, unless one token does. */
  private static final double MOST = 1.7;

  private static final int ROUNDS = 6;

  /**
   * Assigns codes.
   *
   * @param embeddings [tokens · groups · width], each group's of length sqrt(width)
   * @param frequencies shares of the text
   */
  static CodeAssignment of(
      AutoencoderShape shape, float[] embeddings, double[] frequencies, SplittableRandom random) {
    int tokens = frequencies.length;
    if (tokens > Math.pow(shape.codes(), shape.groups())) {
      throw new IllegalArgumentException(
          tokens
              + " tokens do not fit "
              + shape.groups()
              + " groups of "
              + shape.codes()
              + " codes; raise --codes or --groups");
    }
    int[] order =
        IntStream.range(0, tokens)
            .boxed()
            .sorted(Comparator.comparingDouble(t -> -frequencies[t]))
            .mapToInt(Integer::intValue)
            .toArray();
    int[][] codes = new int[tokens][shape.groups()];
    float[] book = new float[shape.groups() * shape.codes() * shape.width()];
    for (int g = 0; g < shape.groups(); g++) {
      float[] centres = new float[shape.codes() * shape.width()];
      for (int k = 0; k < shape.codes(); k++) {
        // The commonest tokens have codes of their own; the others start from any.
        int from = order[k < shape.codes() / 2 ? k : random.nextInt(tokens)];
        System.arraycopy(
            embeddings,
            (from * shape.groups() + g) * shape.width(),
            centres,
            k * shape.width(),
            shape.width());
      }
      for (int round = 0; round < ROUNDS; round++) {
        assign(shape, embeddings, frequencies, order, g, centres, codes, round == ROUNDS - 1);
        centres = centres(shape, embeddings, frequencies, g, codes, centres);
      }
      System.arraycopy(centres, 0, book, g * centres.length, centres.length);
    }
    return new CodeAssignment(codes, book);
  }

  /** Every token, the commonest first, goes to the nearest code that has room for it. */
  private static void assign(
      AutoencoderShape shape,
      float[] embeddings,
      double[] frequencies,
      int[] order,
      int group,
      float[] centres,
      int[][] codes,
      boolean unique) {
    double[] mass = new double[shape.codes()];
    double room = MOST / shape.codes();
    int size = IntStream.range(0, group + 1).map(_ -> shape.codes()).reduce(1, Math::multiplyExact);
    int[] under = new int[unique ? size : 0];
    double most = Math.pow(shape.codes(), shape.groups() - 1.0 - group);
    for (int token : order) {
      int prefix = 0;
      for (int g = 0; g < group; g++) {
        prefix = prefix * shape.codes() + codes[token][g];
      }
      int best = -1;
      int free = -1;
      double bestScore = Double.NEGATIVE_INFINITY;
      double freeScore = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < shape.codes(); k++) {
        if (unique && under[prefix * shape.codes() + k] >= most) {
          continue;
        }
        double score = product(shape, embeddings, token, group, centres, k);
        boolean fits = mass[k] == 0 || mass[k] + frequencies[token] <= room;
        if (fits && score > bestScore) {
          best = k;
          bestScore = score;
        }
        if (score - mass[k] * shape.codes() * shape.width() > freeScore) {
          free = k;
          freeScore = score - mass[k] * shape.codes() * shape.width();
        }
      }
      int chosen = best >= 0 ? best : free;
      codes[token][group] = chosen;
      mass[chosen] += frequencies[token];
      if (unique) {
        under[prefix * shape.codes() + chosen]++;
      }
    }
  }

  private static double product(
      AutoencoderShape shape, float[] embeddings, int token, int group, float[] centres, int code) {
    int e = (token * shape.groups() + group) * shape.width();
    int c = code * shape.width();
    double sum = 0;
    for (int d = 0; d < shape.width(); d++) {
      sum += embeddings[e + d] * centres[c + d];
    }
    return sum;
  }

  private static float[] centres(
      AutoencoderShape shape,
      float[] embeddings,
      double[] frequencies,
      int group,
      int[][] codes,
      float[] before) {
    double[] sums = new double[before.length];
    for (int token = 0; token < frequencies.length; token++) {
      // The square root keeps one common token from being all that its code is.
      double weight = Math.sqrt(frequencies[token] + 1e-6);
      for (int d = 0; d < shape.width(); d++) {
        sums[codes[token][group] * shape.width() + d] +=
            weight * embeddings[(token * shape.groups() + group) * shape.width() + d];
      }
    }
    float[] centres = before.clone();
    for (int k = 0; k < shape.codes(); k++) {
      double[] own = Arrays.copyOfRange(sums, k * shape.width(), (k + 1) * shape.width());
      double length = Math.sqrt(Arrays.stream(own).map(v -> v * v).sum());
      for (int d = 0; length > 0 && d < shape.width(); d++) {
        centres[k * shape.width() + d] = (float) (own[d] / length * Math.sqrt(shape.width()));
      }
    }
    return centres;
  }

  /** The latent of a token, [groups · width]. */
  float[] latent(AutoencoderShape shape, int token) {
    float[] latent = new float[shape.latent()];
    for (int g = 0; g < shape.groups(); g++) {
      System.arraycopy(
          codebook,
          (g * shape.codes() + codes[token][g]) * shape.width(),
          latent,
          g * shape.width(),
          shape.width());
    }
    return latent;
  }
}
