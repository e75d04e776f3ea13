/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * One batch of partly masked rows. It is a pure function of the token file, the settings, the seed
 * and the step, so a run that resumes sees the data it would have seen.
 *
 * <p>A row's mask is drawn in two parts: a region, and a level t; every token of the region is
 * masked with probability t. The region is the whole row (LLaDA), or all that follows a cut
 * (completion), or a few spans (infill); these are the shapes of canvas the model will meet. The
 * levels of a batch are stratified over (0, 1].
 *
 * <p>In a share of the rows some visible tokens are wrong as well: those, and about as many that
 * are right, are predicted too, so that the model learns what a token that is there is worth. That
 * is what self-correction reads.
 *
 * @param ids [rows × length] with MASK and wrong tokens put in
 * @param positions indices into {@code ids} that are to be predicted, ascending
 * @param targets the token that stood at each of them
 * @param weights 1/t of the row a masked one is in; 1 for a visible one
 */
record MaskedBatch(int rows, int[] ids, int[] positions, long[] targets, float[] weights) {
  /** No row is masked less than this, so that its weight stays finite. */
  static final double LEAST_LEVEL = 0.02;

  /** No row has a larger share of its visible tokens wrong. */
  private static final double MOST_WRONG = 0.2;

  /** How the tokens of one step are drawn. */
  record Source(RowSource rows, DenoiserShape shape) {
    Source(TokenFile tokens, DenoiserShape shape, boolean[] startsLine) {
      this(new RowSource(tokens, startsLine, shape.endId()), shape);
    }
  }

  /**
   * Draws a batch.
   *
   * @param structured fraction of rows with a completion or infill region
   * @param wrong fraction of rows with wrong tokens among the visible ones
   */
  static MaskedBatch draw(
      Source source, int rows, long seed, long step, double structured, double wrong) {
    if (source.shape().causal()) {
      return NextTokens.draw(source, rows, seed, step);
    }
    int length = source.shape().length();
    int[] ids = new int[rows * length];
    int[] positions = new int[rows * length];
    long[] targets = new long[rows * length];
    float[] weights = new float[rows * length];
    SplittableRandom random = RowSource.random(seed, step);
    double shift = random.nextDouble();
    int n = 0;
    for (int r = 0; r < rows; r++) {
      source.rows().crop(random, ids, r * length, length);
      boolean[] region = region(random, length, random.nextDouble() < structured);
      double u = (r + shift) / rows % 1;
      double t = LEAST_LEVEL + (1 - LEAST_LEVEL) * u;
      double e = wrong > 0 && random.nextDouble() < wrong ? MOST_WRONG * random.nextDouble() : 0;
      for (int i = 0; i < length; i++) {
        int at = r * length + i;
        int token = ids[at];
        float weight = 0;
        if (region[i] && random.nextDouble() < t) {
          ids[at] = source.shape().maskId();
          weight = (float) (1 / t);
        } else if (e > 0) {
          double chance = random.nextDouble();
          if (chance < e) {
            ids[at] = mistake(source.shape(), random, ids, r * length, token);
            weight = 1;
          } else if (chance < 2 * e) {
            weight = 1;
          }
        }
        if (weight > 0) {
          positions[n] = at;
          targets[n] = token;
          weights[n] = weight;
          n++;
        }
      }
    }
    return new MaskedBatch(
        rows,
        ids,
        Arrays.copyOf(positions, n),
        Arrays.copyOf(targets, n),
        Arrays.copyOf(weights, n));
  }

  private static boolean[] region(SplittableRandom random, int length, boolean structured) {
    boolean[] region = new boolean[length];
    if (!structured) {
      Arrays.fill(region, true);
    } else if (random.nextBoolean()) {
      int cut = random.nextInt(Math.max(1, length * 3 / 4));
      Arrays.fill(region, cut, length, true);
    } else {
      int spans = 1 + random.nextInt(6);
      for (int s = 0; s < spans; s++) {
        int size = Math.min(length, 1 + random.nextInt(random.nextBoolean() ? 12 : 64));
        int from = random.nextInt(length - size + 1);
        Arrays.fill(region, from, from + size, true);
      }
    }
    return region;
  }

  /**
   * A token that is not {@code right}: any at all, or one that stands elsewhere in the row, as in
   * the repetitions of a text that was written many positions at a time.
   */
  private static int mistake(
      DenoiserShape shape, SplittableRandom random, int[] ids, int row, int right) {
    boolean fromRow = random.nextBoolean();
    int token = fromRow ? ids[row + random.nextInt(shape.length())] : shape.maskId();
    while (token == shape.maskId() || token == shape.endId() || token == right) {
      token = random.nextInt(shape.vocabulary());
    }
    return token;
  }

  /** Rows {@code from .. to - 1} as a batch of their own. */
  MaskedBatch part(int from, int to) {
    int length = ids.length / rows;
    int first = firstAt(from * length);
    int last = firstAt(to * length);
    int[] own = Arrays.copyOfRange(positions, first, last);
    for (int i = 0; i < own.length; i++) {
      own[i] -= from * length;
    }
    return new MaskedBatch(
        to - from,
        Arrays.copyOfRange(ids, from * length, to * length),
        own,
        Arrays.copyOfRange(targets, first, last),
        Arrays.copyOfRange(weights, first, last));
  }

  private int firstAt(int position) {
    int i = Arrays.binarySearch(positions, position);
    return i < 0 ? -i - 1 : i;
  }
}
