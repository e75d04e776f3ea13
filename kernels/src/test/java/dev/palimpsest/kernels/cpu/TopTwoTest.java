/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The two largest of a row, by both kinds of kernels. */
class TopTwoTest {
  private static final float[] SPECIAL = {
    0f, -0f, Float.NEGATIVE_INFINITY, Float.NaN, Float.MAX_VALUE, -Float.MAX_VALUE, 1f, -1f
  };

  /** Few different values, so that most rows have ties, somewhere; then values that are nothing. */
  @Test
  void bothKernelsFindTheSame() {
    Random random = new Random(7);
    for (int trial = 0; trial < 20_000; trial++) {
      float[] x = new float[1 + random.nextInt(100)];
      int values = 1 + random.nextInt(60);
      for (int i = 0; i < x.length; i++) {
        x[i] =
            trial % 3 == 0
                ? SPECIAL[random.nextInt(SPECIAL.length)]
                : trial % 3 == 1
                    ? random.nextInt(values) - values / 2
                    : (float) random.nextGaussian();
      }
      float[] expected = new float[2];
      for (int i = 0; i < 2; i++) {
        expected[i] = Float.NEGATIVE_INFINITY;
      }
      for (float v : x) {
        if (v > expected[0]) {
          expected[1] = expected[0];
          expected[0] = v;
        } else if (v > expected[1]) {
          expected[1] = v;
        }
      }
      for (RowKernels kernels : new RowKernels[] {new PlainRowKernels(), new VectorRowKernels()}) {
        float[] two = new float[2];
        kernels.topTwo(x, x.length, two);
        // 0 and −0 are equal.
        assertEquals(expected[0] + 0f, two[0] + 0f, kernels.describe());
        assertEquals(expected[1] + 0f, two[1] + 0f, kernels.describe());
      }
    }
  }
}
