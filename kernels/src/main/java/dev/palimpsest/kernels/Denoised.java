/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * What a {@linkplain LatentOps#denoise denoising step} found, entry by entry: a few numbers, never
 * the logits. Reused from step to step; grows, never shrinks.
 */
public final class Denoised {
  private int size;
  private int groups = 1;
  private int[] codes = new int[0];
  private double[] confidence = new double[0];
  private double[] entropy = new double[0];
  private double[] quality = new double[0];

  /** Makes room for {@code n} entries of {@code groups} codes; undefined until set. */
  public void resize(int n, int groups) {
    size = n;
    this.groups = groups;
    if (codes.length < n * groups) {
      codes = new int[Math.max(n * groups, codes.length * 2)];
    }
    if (confidence.length < n) {
      int capacity = Math.max(n, confidence.length * 2);
      confidence = new double[capacity];
      entropy = new double[capacity];
      quality = new double[capacity];
    }
  }

  public int size() {
    return size;
  }

  /** The most probable code of group {@code g}, ties to the lowest. */
  public int code(int i, int g) {
    return codes[i * groups + g];
  }

  /**
   * Product over the groups of the largest probability, at temperature 1 and with guidance: how
   * sure the network is.
   */
  public double confidence(int i) {
    return confidence[i];
  }

  /** Sum over the groups of {@code −Σ p·ln p} of that distribution, in nats. */
  public double entropy(int i) {
    return entropy[i];
  }

  /** What the network thinks is the probability that the position is right: a sigmoid. */
  public double quality(int i) {
    return quality[i];
  }

  /** Sets a code of entry {@code i}; distinct entries may be set from distinct threads. */
  public void setCode(int i, int g, int code) {
    codes[i * groups + g] = code;
  }

  /** Sets the rest of entry {@code i}; threads as for {@link #setCode}. */
  public void set(int i, double confidence, double entropy, double quality) {
    this.confidence[i] = confidence;
    this.entropy[i] = entropy;
    this.quality[i] = quality;
  }
}
