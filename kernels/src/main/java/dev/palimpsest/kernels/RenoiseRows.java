/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.Arrays;

/**
 * Positions to be put at a noisier time by {@link LatentOps#renoise}. Reused from step to step;
 * grows, never shrinks.
 */
public final class RenoiseRows {
  private int size;
  private int[] slot = new int[64];
  private float[] keep = new float[64];
  private float[] noise = new float[64];
  private long[] seed = new long[64];
  private int[] step = new int[64];
  private int[] position = new int[64];

  public void clear() {
    size = 0;
  }

  /**
   * Adds a position.
   *
   * @param slot of the latent state
   * @param keep factor of its estimate
   * @param noise factor of the noise
   * @param seed with step and position the key of the noise
   */
  public void add(int slot, float keep, float noise, long seed, int step, int position) {
    if (size == this.slot.length) {
      int n = size * 2;
      this.slot = Arrays.copyOf(this.slot, n);
      this.keep = Arrays.copyOf(this.keep, n);
      this.noise = Arrays.copyOf(this.noise, n);
      this.seed = Arrays.copyOf(this.seed, n);
      this.step = Arrays.copyOf(this.step, n);
      this.position = Arrays.copyOf(this.position, n);
    }
    this.slot[size] = slot;
    this.keep[size] = keep;
    this.noise[size] = noise;
    this.seed[size] = seed;
    this.step[size] = step;
    this.position[size] = position;
    size++;
  }

  public int size() {
    return size;
  }

  public int slot(int i) {
    return slot[i];
  }

  public float keep(int i) {
    return keep[i];
  }

  public float noise(int i) {
    return noise[i];
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
