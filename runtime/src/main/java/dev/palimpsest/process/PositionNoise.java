/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * Noise for choosing positions, a pure function of (seed, step, position), so that it is the same
 * in any batch and on any thread. The bits come from SplitMix64's mixing function (Steele, Lea and
 * Flood, 2014), applied to each part of the key in turn.
 */
final class PositionNoise {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;
  // Keeps this noise apart from the token noise of the same seed, step and position.
  private static final long STREAM = 0x706F736974696F6EL;

  private PositionNoise() {}

  /** Uniform on the open interval (0, 1). */
  static double uniform(long seed, int step, int position) {
    long h = mix(seed ^ STREAM);
    h = mix(h + GAMMA * (step + 1L));
    h = mix(h + GAMMA * (position + 1L));
    return ((h >>> 11) + 0.5) * 0x1p-53;
  }

  /** Standard Gumbel: the largest of scores plus this is a draw ∝ exp(score). */
  static double gumbel(long seed, int step, int position) {
    return -Math.log(-Math.log(uniform(seed, step, position)));
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
