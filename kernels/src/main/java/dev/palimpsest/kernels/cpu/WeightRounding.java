/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

/** How a row of weights becomes s8, the same on each device. */
public final class WeightRounding {
  private WeightRounding() {}

  /** Largest magnitude / 127; NaN when the row holds NaN or an infinity. */
  public static float scale(float[] row, int n) {
    float largest = 0;
    float nan = 0;
    for (int i = 0; i < n; i++) {
      largest = Math.max(largest, Math.abs(row[i]));
      nan = Math.fma(row[i], 0f, nan);
    }
    return largest / 127 + nan;
  }

  /** One element of a row of that scale; 0 where the scale is 0 or NaN. */
  public static byte round(float x, float scale) {
    return scale > 0 ? (byte) Math.clamp(Math.round(x / scale), -127, 127) : 0;
  }
}
