/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/** The arithmetic of rounding a row to u8, shared by all kernels so that they agree bit by bit. */
final class RowRounding {
  /** Adding it rounds a small float to an integer, which then sits in the low mantissa bits. */
  static final float ROUND = Exponential.ROUND;

  private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private RowRounding() {}

  /** Bits of infinity: those of a NaN without its sign are greater. */
  private static final int INFINITE = 0x7F800000;

  /**
   * Scale and zero point of a row.
   *
   * @param high bits of its largest element, or 0; floats of one sign are ordered as their bits are
   * @param low bits of its least element without the sign, or 0
   * @return what elements are multiplied with: 1/scale, or 0 when all are to become the zero point
   */
  static float range(int high, int low, float[] scales, int[] zeroPoints, int row) {
    zeroPoints[row] = 0;
    if (high >= INFINITE || low >= INFINITE) {
      scales[row] = Float.NaN;
      return 0;
    }
    float least = Float.intBitsToFloat(low);
    // Divided before they are added: the range of finite floats need not be finite.
    float scale = Float.intBitsToFloat(high) / 255 + least / 255;
    float inverse = 1 / scale;
    if (inverse > Float.MAX_VALUE) {
      scales[row] = 0;
      return 0;
    }
    scales[row] = scale;
    zeroPoints[row] = Math.clamp(Math.round(least * inverse), 0, 255);
    return inverse;
  }

  /** One element, for {@code shift = ROUND + zeroPoint}. */
  static byte of(float x, float inverse, float shift) {
    int q = Float.floatToRawIntBits(Math.fma(x, inverse, shift)) - ROUND_BITS;
    return (byte) Math.clamp(q, 0, 255);
  }
}
