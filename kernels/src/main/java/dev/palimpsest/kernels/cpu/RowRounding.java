/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/** The arithmetic of rounding a row to u8, shared by all kernels so that they agree bit by bit. */
final class RowRounding {
  /** Adding it rounds a small float to an integer, which then sits in the low mantissa bits. */
  static final float ROUND = Exponential.ROUND;

  private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private RowRounding() {}

  /**
   * Scale and zero point of a row.
   *
   * @param low its least element, at most 0
   * @param high its largest, at least 0
   * @param nan NaN when it holds NaN or an infinity, else 0
   * @return what elements are multiplied with: 1/scale, or 0 when all are to become the zero point
   */
  static float range(float low, float high, float nan, float[] scales, int[] zeroPoints, int row) {
    // Divided before they are subtracted: the range of finite floats need not be finite.
    float scale = high / 255 - low / 255;
    float inverse = 1 / scale;
    zeroPoints[row] = 0;
    if (nan != 0) {
      scales[row] = Float.NaN;
      return 0;
    }
    if (inverse > Float.MAX_VALUE) {
      scales[row] = 0;
      return 0;
    }
    scales[row] = scale;
    zeroPoints[row] = Math.clamp(Math.round(-low * inverse), 0, 255);
    return inverse;
  }

  /** One element, for {@code shift = ROUND + zeroPoint}. */
  static byte of(float x, float inverse, float shift) {
    int q = Float.floatToRawIntBits(Math.fma(x, inverse, shift)) - ROUND_BITS;
    return (byte) Math.clamp(q, 0, 255);
  }
}
