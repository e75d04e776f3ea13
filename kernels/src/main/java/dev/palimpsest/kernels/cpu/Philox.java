/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/**
 * Philox4x32-10: four random 32-bit words from a 128-bit counter and a 64-bit key, without state
 * (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 */
final class Philox {
  private static final int M0 = 0xD2511F53;
  private static final int M1 = 0xCD9E8D57;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private int r0;
  private int r1;
  private int r2;
  private int r3;

  /** Computes the block of one counter; read it with {@link #word}. */
  void block(int c0, int c1, int c2, int c3, int k0, int k1) {
    for (int round = 0; round < 10; round++) {
      long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
      long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
      int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c1 = (int) p1;
      c3 = (int) p0;
      c0 = n0;
      c2 = n2;
      k0 += W0;
      k1 += W1;
    }
    r0 = c0;
    r1 = c1;
    r2 = c2;
    r3 = c3;
  }

  /** The noise of vocabulary elements {@code 4·group .. 4·group + 3} at a position and step. */
  void noise(long seed, int step, int position, int group) {
    block(group, position, step, 0, (int) seed, (int) (seed >>> 32));
  }

  /** Word {@code i} of 0 to 3. */
  int word(int i) {
    return switch (i) {
      case 0 -> r0;
      case 1 -> r1;
      case 2 -> r2;
      default -> r3;
    };
  }

  /** {@code 1 − U} for the uniform number U of word {@code i}; both lie strictly within (0, 1). */
  double complement(int i) {
    return 1.0 - uniform(i);
  }

  /** A uniform number strictly within (0, 1). */
  double uniform(int i) {
    return ((word(i) & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
  }
}
