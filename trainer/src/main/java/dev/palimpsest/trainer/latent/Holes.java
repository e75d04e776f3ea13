/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Which positions of a row are to be written: the shapes of canvas the model will meet. */
final class Holes {
  /** The kinds, each with its share of the rows. */
  enum Kind {
    /** All after a given beginning: a completion. */
    AFTER_PREFIX(0.3),
    /** All before a given end. */
    BEFORE_SUFFIX(0.2),
    /** One hole with text on both sides. */
    MIDDLE(0.2),
    /** A few short holes. */
    SPANS(0.2),
    /** Everything. */
    ALL(0.1);

    private final double share;

    Kind(double share) {
      this.share = share;
    }

    static Kind draw(SplittableRandom random) {
      double u = random.nextDouble();
      for (Kind kind : values()) {
        u -= kind.share;
        if (u < 0) {
          return kind;
        }
      }
      return ALL;
    }
  }

  private Holes() {}

  /** Draws a row's holes: true where it is to be written; at least one position is. */
  static boolean[] draw(SplittableRandom random, int length) {
    boolean[] holes = new boolean[length];
    switch (Kind.draw(random)) {
      case AFTER_PREFIX -> Arrays.fill(holes, 1 + random.nextInt(length * 3 / 4), length, true);
      case BEFORE_SUFFIX ->
          Arrays.fill(holes, 0, length - 1 - random.nextInt(length * 3 / 4), true);
      case MIDDLE -> {
        int size = 1 + random.nextInt(random.nextBoolean() ? length / 4 : length * 3 / 4);
        int from = random.nextInt(length - size + 1);
        Arrays.fill(holes, from, from + size, true);
      }
      case SPANS -> {
        int spans = 1 + random.nextInt(6);
        for (int s = 0; s < spans; s++) {
          int size = 1 + random.nextInt(Math.max(1, length / 10));
          int from = random.nextInt(length - size + 1);
          Arrays.fill(holes, from, from + size, true);
        }
      }
      case ALL -> Arrays.fill(holes, true);
    }
    return holes;
  }
}
