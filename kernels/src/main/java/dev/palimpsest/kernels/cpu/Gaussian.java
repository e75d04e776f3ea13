/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.LatentNoise;

/** The noise that {@link LatentNoise} describes. */
final class Gaussian {
  private final Philox philox = new Philox();

  /** Fills {@code out[0 .. n - 1]} with the noise of all dimensions of a position. */
  void fill(long seed, int step, int position, int stream, int n, float[] out) {
    for (int i = 0; i < n; i += 4) {
      philox.block(i / 4, position, step, stream, (int) seed, (int) (seed >>> 32));
      for (int pair = 0; pair < 2; pair++) {
        double radius = Math.sqrt(-2 * Math.log(philox.uniform(2 * pair)));
        double angle = 2 * Math.PI * philox.uniform(2 * pair + 1);
        int at = i + 2 * pair;
        if (at < n) {
          out[at] = (float) (radius * Math.cos(angle));
        }
        if (at + 1 < n) {
          out[at + 1] = (float) (radius * Math.sin(angle));
        }
      }
    }
  }
}
