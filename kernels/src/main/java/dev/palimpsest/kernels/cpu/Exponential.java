/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/**
 * Constants of {@code exp} in float: {@code x = n·ln 2 + r} with ln 2 in two parts, then a
 * polynomial in r on [−ln 2 / 2, ln 2 / 2]. Relative error about 1e-7; exp(0) is exactly 1.
 */
final class Exponential {
  static final float LOG2_E = 1.4426950408889634f;

  /** Adding it rounds a small float to an integer, which then sits in the low mantissa bits. */
  static final float ROUND = 12582912f;

  /** Few bits, so that n·LN2_HIGH is exact. */
  static final float LN2_HIGH = 0.693359375f;

  static final float LN2_LOW = -2.12194440e-4f;

  /** Minimax coefficients of {@code (exp(r) − 1 − r)/r²}, those of Cephes' expf (Moshier). */
  static final float C7 = 1.9875691500e-4f;

  static final float C6 = 1.3981999507e-3f;
  static final float C5 = 8.3334519073e-3f;
  static final float C4 = 4.1665795894e-2f;
  static final float C3 = 1.6666665459e-1f;
  static final float C2 = 5.0000001201e-1f;

  /**
   * Coefficients of {@code 2^r} on [−1/2, 1/2], of least relative error (9e-8) among those with
   * {@code 2^0 = 1}; found by reweighted least squares.
   */
  static final float T5 = 1.326472614891827e-3f;

  static final float T4 = 9.671512991189957e-3f;
  static final float T3 = 5.550733581185341e-2f;
  static final float T2 = 2.4022242426872253e-1f;
  static final float T1 = 6.931470036506653e-1f;

  /** Below it 2^x would be subnormal; it is 0. */
  static final float LOWEST_POWER = -126;

  /** Below it the result would be subnormal; it is 0. */
  static final float LOWEST = -87.33f;

  /** Above it the result would overflow; arguments are held here. */
  static final float HIGHEST = 88f;

  private Exponential() {}

  static float of(float x) {
    if (x < LOWEST) {
      return 0;
    }
    if (x > HIGHEST) {
      x = HIGHEST;
    }
    float shifted = Math.fma(x, LOG2_E, ROUND);
    float n = shifted - ROUND;
    float r = Math.fma(n, -LN2_HIGH, x);
    r = Math.fma(n, -LN2_LOW, r);
    float p = Math.fma(C7, r, C6);
    p = Math.fma(p, r, C5);
    p = Math.fma(p, r, C4);
    p = Math.fma(p, r, C3);
    p = Math.fma(p, r, C2);
    p = Math.fma(p, r * r, r) + 1f;
    return Float.intBitsToFloat(
        Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
  }
}
