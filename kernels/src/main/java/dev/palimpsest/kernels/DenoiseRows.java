/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.Arrays;

/**
 * The positions that a {@linkplain LatentOps#denoise denoising step} is for, over all sequences of
 * a batch. Reused from step to step; grows, never shrinks.
 */
public final class DenoiseRows {
  private int size;
  private int[] row = new int[64];
  private int[] unconditionalRow = new int[64];
  private float[] guidance = new float[64];
  private float[] temperature = new float[64];
  private int[] slot = new int[64];
  private SolverStep[] solver = new SolverStep[64];
  private long[] seed = new long[64];
  private int[] step = new int[64];
  private int[] position = new int[64];

  public void clear() {
    size = 0;
  }

  /**
   * Adds a position.
   *
   * @param row of the logits that are its own (c)
   * @param unconditionalRow of those of the forward with the prompt hidden (u), or −1 for none
   * @param guidance {@code logits = u + (guidance + 1)·(c − u)}
   * @param temperature of the softmax over codes; 0 takes the largest logit (ties: lowest index)
   * @param slot of the latent state, or −1 to change nothing
   * @param solver what becomes of the latent
   * @param seed with step and position the key of the noise
   */
  public void add(
      int row,
      int unconditionalRow,
      float guidance,
      float temperature,
      int slot,
      SolverStep solver,
      long seed,
      int step,
      int position) {
    if (size == this.row.length) {
      grow(2 * size);
    }
    this.row[size] = row;
    this.unconditionalRow[size] = unconditionalRow;
    this.guidance[size] = guidance;
    this.temperature[size] = temperature;
    this.slot[size] = slot;
    this.solver[size] = solver;
    this.seed[size] = seed;
    this.step[size] = step;
    this.position[size] = position;
    size++;
  }

  private void grow(int n) {
    row = Arrays.copyOf(row, n);
    unconditionalRow = Arrays.copyOf(unconditionalRow, n);
    guidance = Arrays.copyOf(guidance, n);
    temperature = Arrays.copyOf(temperature, n);
    slot = Arrays.copyOf(slot, n);
    solver = Arrays.copyOf(solver, n);
    seed = Arrays.copyOf(seed, n);
    step = Arrays.copyOf(step, n);
    position = Arrays.copyOf(position, n);
  }

  public int size() {
    return size;
  }

  public int row(int i) {
    return row[i];
  }

  /** The unconditional row, or −1. */
  public int unconditionalRow(int i) {
    return unconditionalRow[i];
  }

  public float guidance(int i) {
    return guidance[i];
  }

  public float temperature(int i) {
    return temperature[i];
  }

  /** The slot of the latent state, or −1. */
  public int slot(int i) {
    return slot[i];
  }

  public SolverStep solver(int i) {
    return solver[i];
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
}
