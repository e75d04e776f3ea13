/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.Predictions;
import java.util.Arrays;
import java.util.Objects;

/**
 * Positions of the canvas in ascending order, each with its entry in a step's {@link Predictions}
 * and room for a score. Reused from step to step; grows, never shrinks.
 */
final class Candidates {
  private int[] position = new int[64];
  private int[] entry = new int[64];
  private double[] score = new double[64];
  private double[] scratch = new double[64];
  private final Ranking ranking = new Ranking(this);
  private final int maskToken;
  private int size;
  private Predictions predictions = new Predictions();

  Candidates(int maskToken) {
    this.maskToken = maskToken;
  }

  /** Forgets all positions; those added next refer to {@code predictions}. */
  void begin(Predictions predictions) {
    this.predictions = predictions;
    size = 0;
  }

  void add(int position, int entry) {
    if (size == this.position.length) {
      int n = size * 2;
      this.position = Arrays.copyOf(this.position, n);
      this.entry = Arrays.copyOf(this.entry, n);
      score = Arrays.copyOf(score, n);
      scratch = new double[n];
    }
    this.position[size] = position;
    this.entry[size] = entry;
    size++;
  }

  int size() {
    return size;
  }

  int position(int i) {
    return position[Objects.checkIndex(i, size)];
  }

  int token(int i) {
    return predictions.token(entry[Objects.checkIndex(i, size)]);
  }

  /** Whether MASK itself is the predicted token. */
  boolean predictsMask(int i) {
    return token(i) == maskToken;
  }

  double confidence(int i) {
    return predictions.confidence(entry[Objects.checkIndex(i, size)]);
  }

  double margin(int i) {
    return predictions.margin(entry[Objects.checkIndex(i, size)]);
  }

  double negativeEntropy(int i) {
    return predictions.negativeEntropy(entry[Objects.checkIndex(i, size)]);
  }

  double presentProbability(int i) {
    return predictions.presentProbability(entry[Objects.checkIndex(i, size)]);
  }

  /** The last score set for {@code i}. */
  double score(int i) {
    return score[i];
  }

  /** Sets what {@link Surest} compares; NaN counts as −∞. */
  void score(int i, double value) {
    score[Objects.checkIndex(i, size)] = Double.isNaN(value) ? Double.NEGATIVE_INFINITY : value;
  }

  /** The n-th highest score, counted from 1. */
  double highestScore(int n) {
    System.arraycopy(score, 0, scratch, 0, size);
    return Selection.kth(scratch, size, size - n);
  }

  /** All but those predicted as MASK, from the highest score down; valid until the next call. */
  Ranking ranking() {
    ranking.begin();
    return ranking;
  }
}
