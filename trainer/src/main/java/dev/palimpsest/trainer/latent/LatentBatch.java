/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.RowSource;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * One batch of the denoiser's training, before it is encoded: a function of the corpus, the
 * settings, the step and the noise levels.
 *
 * @param ids [rows · length]
 * @param states ordinals of {@link NoiseState}, [rows · length]
 * @param times one a row
 * @param from where in the batch a written position has its code from, usually itself
 * @param swapped a code of a group to be put at a written position, or -1, [rows · length · groups]
 * @param seeds of the noise, one a row
 */
record LatentBatch(
    int rows, int[] ids, int[] states, float[] times, int[] from, int[] swapped, long[] seeds) {
  private static final double LEAST_WRONG = 0.05;

  /**
   * Draws a batch.
   *
   * @param levels one time a row
   */
  static LatentBatch draw(
      LatentSettings settings, RowSource source, SplittableRandom random, float[] levels) {
    HybridShape shape = settings.shape();
    int length = shape.length();
    int rows = levels.length;
    int groups = shape.latent().groups();
    int[] ids = new int[rows * length];
    int[] states = new int[ids.length];
    int[] from = new int[ids.length];
    int[] swapped = new int[ids.length * groups];
    long[] seeds = new long[rows];
    Arrays.fill(swapped, -1);
    for (int r = 0; r < rows; r++) {
      source.crop(random, ids, r * length, length);
      boolean[] holes = Holes.draw(random, length);
      boolean hidden = random.nextDouble() < settings.guidanceDropout();
      boolean[] written =
          random.nextDouble() < settings.written() ? written(random, holes) : new boolean[length];
      double wrong = LEAST_WRONG + (settings.wrong() - LEAST_WRONG) * random.nextDouble();
      for (int i = 0; i < length; i++) {
        int at = r * length + i;
        from[at] = at;
        if (!holes[i]) {
          states[at] = (hidden ? NoiseState.HIDDEN : NoiseState.GIVEN).ordinal();
        } else if (written[i]) {
          states[at] = NoiseState.WRITTEN.ordinal();
          if (random.nextDouble() < wrong) {
            if (random.nextInt(3) > 0) {
              from[at] = r * length + random.nextInt(length);
            } else {
              swapped[at * groups + random.nextInt(groups)] =
                  random.nextInt(shape.latent().codes());
            }
          }
        } else {
          states[at] = NoiseState.NOISE.ordinal();
        }
      }
      seeds[r] = random.nextLong();
    }
    return new LatentBatch(rows, ids, states, levels, from, swapped, seeds);
  }

  /**
   * Which of the holes are written already: all but a few of them, as when a text is corrected, or
   * the left part, as when it is continued.
   */
  private static boolean[] written(SplittableRandom random, boolean[] holes) {
    boolean[] written = new boolean[holes.length];
    boolean left = random.nextBoolean();
    double share = left ? 0.8 * random.nextDouble() : 0.5 + 0.5 * random.nextDouble();
    for (int i = 0; i < holes.length; i++) {
      boolean in = left ? i < share * holes.length : random.nextDouble() < share;
      written[i] = holes[i] && in;
    }
    return written;
  }

  /** Rows {@code first .. end - 1} as a batch of their own. */
  LatentBatch part(int first, int end) {
    int length = ids.length / rows;
    int groups = swapped.length / ids.length;
    int[] own = Arrays.copyOfRange(from, first * length, end * length);
    for (int i = 0; i < own.length; i++) {
      own[i] -= first * length;
    }
    return new LatentBatch(
        end - first,
        Arrays.copyOfRange(ids, first * length, end * length),
        Arrays.copyOfRange(states, first * length, end * length),
        Arrays.copyOfRange(times, first, end),
        own,
        Arrays.copyOfRange(swapped, first * length * groups, end * length * groups),
        Arrays.copyOfRange(seeds, first, end));
  }

  /** The state of a position. */
  NoiseState state(int position) {
    return NoiseState.values()[states[position]];
  }

  /** How many positions are predicted. */
  int supervised() {
    int n = 0;
    for (int i = 0; i < states.length; i++) {
      n += isSupervised(i) ? 1 : 0;
    }
    return n;
  }

  boolean isSupervised(int position) {
    return state(position) == NoiseState.NOISE || state(position) == NoiseState.WRITTEN;
  }

  /** Normal noise, a function of the rows' seeds, [rows · length · latent]. */
  float[] noise(int latent) {
    float[] noise = new float[ids.length * latent];
    int row = noise.length / rows;
    for (int r = 0; r < rows; r++) {
      SplittableRandom random = new SplittableRandom(seeds[r]);
      for (int i = r * row; i < (r + 1) * row; i++) {
        noise[i] = (float) random.nextGaussian();
      }
    }
    return noise;
  }
}
