/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.ElementCodec;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * One row of a matrix in int8, symmetric: the scale is the largest magnitude over 127, bytes are
 * rounded to nearest as the engine rounds when it packs floats for int8 products. Quantised again
 * from its own floats a row gives the same bytes.
 */
final class Int8Row {
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final float[] floats;
  private final float[] back;
  private final byte[] bytes;
  private float scale;

  Int8Row(int width) {
    floats = new float[width];
    back = new float[width];
    bytes = new byte[width];
  }

  /**
   * Takes row {@code row} of {@code view}; {@code difference} learns how far the bytes are from it.
   *
   * @throws IllegalArgumentException naming tensor and row if an element is not finite
   */
  void read(WeightView view, long row, Difference difference) {
    int n = floats.length;
    ElementCodec.decode(view, row * n, n, floats);
    float largest = 0;
    for (float x : floats) {
      // A NaN stays one in here.
      largest = Math.max(largest, Math.abs(x));
    }
    if (!Float.isFinite(largest)) {
      throw new IllegalArgumentException(
          "tensor " + view.name() + ": row " + row + " has an element that is not finite");
    }
    // A row of zeros, or one that vanishes in division, has any scale.
    float step = largest / 127;
    scale = step > 0 ? step : 1;
    for (int i = 0; i < n; i++) {
      bytes[i] = (byte) Math.clamp(Math.round(floats[i] / scale), -127, 127);
      back[i] = scale * bytes[i];
    }
    difference.add(back, floats, n);
  }

  byte[] bytes() {
    return bytes;
  }

  float scale() {
    return scale;
  }
}
