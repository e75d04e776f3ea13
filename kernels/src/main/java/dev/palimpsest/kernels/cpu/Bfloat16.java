/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/** bf16: the upper half of a float. */
final class Bfloat16 {
  private Bfloat16() {}

  static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds to nearest, ties to even; NaN stays NaN. */
  static short of(float x) {
    int bits = Float.floatToRawIntBits(x);
    if (x != x) {
      return 0x7FC0;
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }
}
