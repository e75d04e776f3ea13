/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * What the head predicted, entry by entry of the {@link PredictionRows} asked for: a few numbers
 * per position, never the logits. Reused from step to step; grows, never shrinks.
 */
public final class Predictions {
  private int size;
  private int[] token = new int[0];
  private double[] confidence = new double[0];
  private double[] margin = new double[0];
  private double[] negativeEntropy = new double[0];
  private double[] presentProbability = new double[0];

  /** Makes room for {@code n} entries; their values are undefined until set. */
  public void resize(int n) {
    size = n;
    if (token.length < n) {
      int capacity = Math.max(n, token.length * 2);
      token = new int[capacity];
      confidence = new double[capacity];
      margin = new double[capacity];
      negativeEntropy = new double[capacity];
      presentProbability = new double[capacity];
    }
  }

  public int size() {
    return size;
  }

  /** The sampled (or largest) token. */
  public int token(int i) {
    return token[i];
  }

  /**
   * Probability of {@link #token} under the distribution that {@link Sampling#confidenceOn} names.
   */
  public double confidence(int i) {
    return confidence[i];
  }

  /** Largest minus second largest probability of that distribution. */
  public double margin(int i) {
    return margin[i];
  }

  /**
   * {@code Σ p·ln(p + 1e-10)} of that distribution: 0 is certain, −ln(vocabulary) uniform.
   * Undefined for entries that did not {@link PredictionRows#wantEntropy want} it.
   */
  public double negativeEntropy(int i) {
    return negativeEntropy[i];
  }

  /**
   * Probability of {@link PredictionRows#presentToken} under softmax of the raw logits (guidance
   * applied, no temperature, top-k or top-p; 0 for a suppressed token). Undefined for entries
   * without a present token.
   */
  public double presentProbability(int i) {
    return presentProbability[i];
  }

  /** Sets entry {@code i}; distinct entries may be set from distinct threads. */
  public void set(int i, int token, double confidence, double margin, double negativeEntropy) {
    this.token[i] = token;
    this.confidence[i] = confidence;
    this.margin[i] = margin;
    this.negativeEntropy[i] = negativeEntropy;
  }

  /** Sets the present token's probability of entry {@code i}; threads as for {@link #set}. */
  public void setPresentProbability(int i, double probability) {
    presentProbability[i] = probability;
  }
}
