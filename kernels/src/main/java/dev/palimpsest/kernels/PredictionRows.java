/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.Arrays;

/**
 * The positions a step wants predicted, over all sequences of a batch: for each, the row its logits
 * come from, how to sample, and the key of its noise. Reused from step to step; grows, never
 * shrinks.
 *
 * <p>Noise of entry i depends only on (seed, step, position, vocabulary element), so that a request
 * gets the same tokens in any batch and on any number of threads.
 */
public final class PredictionRows {
  /** In place of a present token: nothing stands at the position (it is masked). */
  public static final int NO_TOKEN = -1;

  private int size;
  private int[] row = new int[64];
  private int[] unconditionalRow = new int[64];
  private float[] guidance = new float[64];
  private Sampling[] sampling = new Sampling[64];
  private long[] seed = new long[64];
  private int[] step = new int[64];
  private int[] position = new int[64];
  private int[] presentToken = new int[64];
  private boolean[] entropy = new boolean[64];
  private boolean entropyWanted = true;

  /** Forgets all entries, and {@link #wantEntropy} what it was told. */
  public void clear() {
    size = 0;
    entropyWanted = true;
  }

  /**
   * Whether the entries added from now on want {@link Predictions#negativeEntropy}; they do unless
   * told otherwise. A device that never holds a row of logits multiplies twice for it.
   */
  public void wantEntropy(boolean wanted) {
    entropyWanted = wanted;
  }

  /** Number of entries. */
  public int size() {
    return size;
  }

  /** Adds a prediction without guidance. */
  public void add(int row, Sampling sampling, long seed, int step, int position) {
    add(row, -1, 0f, sampling, seed, step, position);
  }

  /**
   * Adds a prediction with classifier-free guidance: {@code logits = u + (guidance + 1)·(c − u)}.
   *
   * @param row row of the hidden states whose logits predict this position (c)
   * @param unconditionalRow row of the forward with the prompt masked (u), or −1 for no guidance
   */
  public void add(
      int row,
      int unconditionalRow,
      float guidance,
      Sampling sampling,
      long seed,
      int step,
      int position) {
    add(row, unconditionalRow, guidance, sampling, seed, step, position, NO_TOKEN);
  }

  /**
   * As above, and asks what the model now thinks of the token that stands at the position.
   *
   * @param presentToken token whose probability {@link Predictions#presentProbability} is to hold,
   *     or {@link #NO_TOKEN}
   */
  public void add(
      int row,
      int unconditionalRow,
      float guidance,
      Sampling sampling,
      long seed,
      int step,
      int position,
      int presentToken) {
    if (size == this.row.length) {
      int n = size * 2;
      this.row = Arrays.copyOf(this.row, n);
      this.unconditionalRow = Arrays.copyOf(this.unconditionalRow, n);
      this.guidance = Arrays.copyOf(this.guidance, n);
      this.sampling = Arrays.copyOf(this.sampling, n);
      this.seed = Arrays.copyOf(this.seed, n);
      this.step = Arrays.copyOf(this.step, n);
      this.position = Arrays.copyOf(this.position, n);
      this.presentToken = Arrays.copyOf(this.presentToken, n);
      entropy = Arrays.copyOf(entropy, n);
    }
    this.row[size] = row;
    this.unconditionalRow[size] = unconditionalRow;
    this.guidance[size] = guidance;
    this.sampling[size] = sampling;
    this.seed[size] = seed;
    this.step[size] = step;
    this.position[size] = position;
    this.presentToken[size] = presentToken;
    entropy[size] = entropyWanted;
    size++;
  }

  public int row(int i) {
    return row[i];
  }

  public int unconditionalRow(int i) {
    return unconditionalRow[i];
  }

  public float guidance(int i) {
    return guidance[i];
  }

  public Sampling sampling(int i) {
    return sampling[i];
  }

  public long seed(int i) {
    return seed[i];
  }

  public int step(int i) {
    return step[i];
  }

  public int position(int i) {
    return position[i];
  }

  /** The token that stands at the position, or {@link #NO_TOKEN}. */
  public int presentToken(int i) {
    return presentToken[i];
  }

  /** Whether entry {@code i} wants its entropy. */
  public boolean entropy(int i) {
    return entropy[i];
  }

  /**
   * For devices: refuses entries that are not among the rows of a batch.
   *
   * @throws IllegalArgumentException naming the entry
   */
  public void checkRows(int rows) {
    for (int i = 0; i < size; i++) {
      if (row[i] < 0 || row[i] >= rows || unconditionalRow[i] >= rows) {
        throw new IllegalArgumentException(
            "predict: entry %d wants rows %d and %d of %d"
                .formatted(i, row[i], unconditionalRow[i], rows));
      }
    }
  }
}
