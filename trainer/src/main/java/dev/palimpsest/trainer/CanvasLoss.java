/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * What a masked model makes of the same masked tokens in canvases of different lengths: nats of the
 * true token, by position. Canvases begin where the text begins; those of the length that was
 * trained follow one another to its end.
 */
final class CanvasLoss {
  /**
   * A window of positions in canvases of one length.
   *
   * @param canvas tokens of a canvas
   * @param nats of a masked token
   * @param more how many more than in canvases of the trained length; 0 for those themselves
   */
  record Row(int canvas, PositionWindow window, Estimate nats, Estimate more) {}

  private final List<int[]> texts;
  private final double noise;
  private final int trained;

  /**
   * @param texts held-out, all of one length, at least two
   * @param noise share of tokens that are masked
   * @param trained tokens of the canvases that the model was trained on
   */
  CanvasLoss(List<int[]> texts, double noise, int trained) {
    this.texts = texts;
    this.noise = noise;
    this.trained = trained;
  }

  /**
   * Measures a model whose logits are those of their own position.
   *
   * @param lengths of canvases, none longer than the texts
   */
  List<Row> of(Engine engine, List<Integer> lengths) {
    int longest = texts.getFirst().length;
    double[][] usual = new double[texts.size()][longest];
    double[][][] nats = new double[lengths.size()][texts.size()][longest];
    boolean[][] masked = new boolean[texts.size()][longest];
    try (Arena arena = Arena.ofShared()) {
      MemorySegment logits =
          arena.allocate(
              (long) Float.BYTES
                  * Math.max(trained, lengths.stream().mapToInt(n -> n).max().orElse(0))
                  * engine.config().vocabulary(),
              64);
      for (int t = 0; t < texts.size(); t++) {
        int[] truth = texts.get(t);
        int[] noisy = truth.clone();
        Random random = new Random(t);
        for (int i = 0; i < longest; i++) {
          masked[t][i] = random.nextDouble() < noise;
          noisy[i] = masked[t][i] ? engine.config().maskToken() : truth[i];
        }
        for (int from = 0; from < longest; from += trained) {
          // The last canvas reaches back over what was measured already.
          int start = Math.max(0, Math.min(from, longest - trained));
          canvas(engine, logits, truth, noisy, start, Math.min(longest, trained), usual[t]);
        }
        for (int n = 0; n < lengths.size(); n++) {
          canvas(engine, logits, truth, noisy, 0, lengths.get(n), nats[n][t]);
        }
      }
    }
    List<Row> rows = new ArrayList<>(rows(trained, longest, usual, usual, masked));
    for (int n = 0; n < lengths.size(); n++) {
      rows.addAll(rows(lengths.get(n), lengths.get(n), nats[n], usual, masked));
    }
    return rows;
  }

  private static List<Row> rows(
      int canvas, int reach, double[][] nats, double[][] usual, boolean[][] masked) {
    List<Row> rows = new ArrayList<>();
    for (PositionWindow window : PositionWindow.upTo(reach)) {
      double[] sums = new double[nats.length];
      double[] more = new double[nats.length];
      double[] counts = new double[nats.length];
      for (int t = 0; t < nats.length; t++) {
        for (int i = window.from(); i < window.to(); i++) {
          if (masked[t][i]) {
            sums[t] += nats[t][i];
            more[t] += nats[t][i] - usual[t][i];
            counts[t]++;
          }
        }
      }
      Optional<Estimate> mean = Estimate.of(sums, counts);
      if (mean.isPresent()) {
        rows.add(new Row(canvas, window, mean.get(), Estimate.of(more, counts).orElseThrow()));
      }
    }
    return rows;
  }

  /** Nats of the masked tokens of one canvas, put where they are in the text. */
  private static void canvas(
      Engine engine,
      MemorySegment out,
      int[] truth,
      int[] noisy,
      int from,
      int length,
      double[] nats) {
    int vocabulary = engine.config().vocabulary();
    float[] logits = new float[vocabulary];
    engine.logits(Arrays.copyOfRange(noisy, from, from + length), out);
    for (int i = 0; i < length; i++) {
      if (noisy[from + i] == engine.config().maskToken()) {
        MemorySegment.copy(
            out,
            ValueLayout.JAVA_FLOAT,
            (long) Float.BYTES * i * vocabulary,
            logits,
            0,
            vocabulary);
        nats[from + i] = nats(logits, truth[from + i]);
      }
    }
  }

  private static double nats(float[] logits, int token) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - largest);
    }
    return Math.log(sum) + largest - logits[token];
  }
}
