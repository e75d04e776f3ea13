/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The baseline: an interpolated Kneser-Ney 5-gram over the same tokens (Chen and Goodman 1999, one
 * discount of 0.75 for all orders).
 *
 * <p>Each order is a sorted array of packed n-grams with counts, and of their contexts. A token
 * takes 12 bits, so the vocabulary has at most 4096 entries.
 */
final class NGramModel {
  static final int ORDER = 5;
  static final int LARGEST_VOCABULARY = 4096;

  private static final int BITS = 12;
  private static final double DISCOUNT = 0.75;

  /** All n-grams of one order; n-grams of context i lie at start[i] .. start[i + 1] - 1. */
  private record Order(long[] grams, int[] counts, long[] contexts, int[] start, long[] totals) {
    static Order of(long[] grams, int[] counts) {
      int n = grams.length;
      long[] contexts = new long[n];
      int[] start = new int[n + 1];
      long[] totals = new long[n];
      int c = 0;
      for (int i = 0; i < n; i++) {
        long context = grams[i] >>> BITS;
        if (c == 0 || contexts[c - 1] != context) {
          contexts[c] = context;
          start[c++] = i;
        }
        totals[c - 1] += counts[i];
      }
      start[c] = n;
      return new Order(
          grams,
          counts,
          Arrays.copyOf(contexts, c),
          Arrays.copyOf(start, c + 1),
          Arrays.copyOf(totals, c));
    }
  }

  private final int vocabulary;
  private final Order[] orders = new Order[ORDER + 1];

  /** Counts the tokens of a corpus. */
  NGramModel(TokenFile tokens, int vocabulary) {
    if (vocabulary > LARGEST_VOCABULARY) {
      throw new IllegalArgumentException(
          "the 5-gram baseline packs tokens in 12 bits; a vocabulary of "
              + vocabulary
              + " is too large (at most "
              + LARGEST_VOCABULARY
              + ")");
    }
    this.vocabulary = vocabulary;
    int n = Math.toIntExact(tokens.length());
    long[] packed = new long[Math.max(0, n - ORDER + 1)];
    long window = 0;
    for (int i = 0; i < n; i++) {
      window = (window << BITS | tokens.at(i)) & (1L << BITS * ORDER) - 1;
      if (i >= ORDER - 1) {
        packed[i - ORDER + 1] = window;
      }
    }
    Arrays.sort(packed);
    long[] grams = unique(packed);
    int[] counts = counts(packed, grams);
    for (int order = ORDER; order >= 1; order--) {
      orders[order] = Order.of(grams, counts);
      // A lower order counts in how many contexts a shorter n-gram was seen, not how often.
      long keep = (1L << BITS * (order - 1)) - 1;
      long[] shorter = new long[grams.length];
      for (int i = 0; i < grams.length; i++) {
        shorter[i] = grams[i] & keep;
      }
      Arrays.sort(shorter);
      grams = unique(shorter);
      counts = counts(shorter, grams);
    }
  }

  private static long[] unique(long[] sorted) {
    long[] out = new long[sorted.length];
    int n = 0;
    for (int i = 0; i < sorted.length; i++) {
      if (i == 0 || sorted[i] != sorted[i - 1]) {
        out[n++] = sorted[i];
      }
    }
    return Arrays.copyOf(out, n);
  }

  private static int[] counts(long[] sorted, long[] unique) {
    int[] counts = new int[unique.length];
    int u = -1;
    for (int i = 0; i < sorted.length; i++) {
      if (i == 0 || sorted[i] != sorted[i - 1]) {
        u++;
      }
      counts[u]++;
    }
    return counts;
  }

  /**
   * Probabilities of the next token, [vocabulary].
   *
   * @param context tokens before it; the last four are used
   * @param length how many of {@code context} there are
   */
  double[] next(int[] context, int length) {
    double[] p = new double[vocabulary];
    Arrays.fill(p, 1.0 / vocabulary);
    for (int order = 1; order <= Math.min(ORDER, length + 1); order++) {
      long key = 0;
      for (int i = length - order + 1; i < length; i++) {
        key = key << BITS | context[i];
      }
      Order o = orders[order];
      int c = Arrays.binarySearch(o.contexts(), key);
      if (c < 0) {
        break;
      }
      int from = o.start()[c];
      int to = o.start()[c + 1];
      double total = o.totals()[c];
      double spread = DISCOUNT * (to - from) / total;
      for (int w = 0; w < vocabulary; w++) {
        p[w] *= spread;
      }
      for (int i = from; i < to; i++) {
        p[(int) (o.grams()[i] & LARGEST_VOCABULARY - 1)] += (o.counts()[i] - DISCOUNT) / total;
      }
    }
    return p;
  }

  private record Beam(int[] tokens, int length, double score) {}

  /**
   * The likeliest tokens for a hole, by beam search from the left; the finished candidates are
   * ranked with the tokens that follow the hole.
   *
   * @param left tokens before the hole
   * @param right tokens after it; as many as the order reaches are used
   * @param forbidden a token that may not be written
   */
  int[] fill(int[] left, int size, int[] right, int width, int forbidden) {
    int keep = Math.min(left.length, ORDER - 1);
    int[] start =
        Arrays.copyOf(
            Arrays.copyOfRange(left, left.length - keep, left.length), keep + size + ORDER);
    List<Beam> beams = List.of(new Beam(start, keep, 0));
    for (int i = 0; i < size; i++) {
      List<Beam> grown = new ArrayList<>();
      for (Beam beam : beams) {
        double[] p = next(beam.tokens(), beam.length());
        p[forbidden] = 0;
        for (int w : largest(p, width)) {
          int[] tokens = beam.tokens().clone();
          tokens[beam.length()] = w;
          grown.add(new Beam(tokens, beam.length() + 1, beam.score() + Math.log(p[w])));
        }
      }
      grown.sort(Comparator.comparingDouble(Beam::score).reversed());
      beams = List.copyOf(grown.subList(0, Math.min(width, grown.size())));
    }
    Beam best = beams.getFirst();
    double bestScore = Double.NEGATIVE_INFINITY;
    for (Beam beam : beams) {
      int[] tokens = beam.tokens().clone();
      double score = beam.score();
      for (int i = 0; i < Math.min(ORDER - 1, right.length); i++) {
        score += Math.log(next(tokens, beam.length() + i)[right[i]]);
        tokens[beam.length() + i] = right[i];
      }
      if (score > bestScore) {
        bestScore = score;
        best = beam;
      }
    }
    return Arrays.copyOfRange(best.tokens(), keep, keep + size);
  }

  private static int[] largest(double[] p, int n) {
    int[] best = new int[n];
    Arrays.fill(best, -1);
    for (int w = 0; w < p.length; w++) {
      int i = n;
      while (i > 0 && (best[i - 1] < 0 || p[w] > p[best[i - 1]])) {
        i--;
      }
      if (i < n) {
        System.arraycopy(best, i, best, i + 1, n - 1 - i);
        best[i] = w;
      }
    }
    return best;
  }
}
