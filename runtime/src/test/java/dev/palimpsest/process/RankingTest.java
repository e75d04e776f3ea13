/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Predictions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Partial selection against sorting. */
class RankingTest {
  private static final int MASK = 7;

  private static double[] anyScores(SplittableRandom random) {
    int n = random.nextInt(random.nextBoolean() ? 8 : 300);
    int different = 1 + random.nextInt(random.nextBoolean() ? 4 : 1000);
    double[] scores = new double[n];
    for (int i = 0; i < n; i++) {
      scores[i] =
          switch (random.nextInt(40)) {
            case 0 -> Double.NEGATIVE_INFINITY;
            case 1 -> -0.0;
            default -> random.nextInt(different) - different / 2;
          };
    }
    if (random.nextInt(5) == 0) {
      Arrays.sort(scores);
    }
    return scores;
  }

  private static Candidates scored(double[] scores, BitSet predictedMask) {
    Candidates candidates = new Candidates(MASK);
    Predictions predictions = new Predictions();
    predictions.resize(scores.length);
    candidates.begin(predictions);
    for (int i = 0; i < scores.length; i++) {
      predictions.set(i, predictedMask.get(i) ? MASK : 1, 0, 0, 0);
      candidates.add(3 * i, i);
      candidates.score(i, scores[i]);
    }
    return candidates;
  }

  @Test
  void theKthIsThatOfASortedCopy() {
    for (int trial = 0; trial < 2000; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      double[] scores = anyScores(random);
      double[] sorted = scores.clone();
      Arrays.sort(sorted);
      for (int k = 0; k < scores.length; k += 1 + random.nextInt(40)) {
        double found = Selection.kth(scores.clone(), scores.length, k);
        assertTrue(found == sorted[k], "trial " + trial + ", k " + k);
      }
    }
  }

  @Test
  void whatLiesBeyondTheSizeIsNotLookedAt() {
    assertEquals(2, Selection.kth(new double[] {3, 1, 2, -9, -9}, 3, 1));
  }

  @Test
  void theSurestAreThoseOfAStableSort() {
    for (int trial = 0; trial < 2000; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      double[] scores = anyScores(random);
      int n = random.nextInt(scores.length + 2);
      BitSet chosen = new BitSet();
      Surest.choose(scored(scores, new BitSet()), n, chosen);
      List<Integer> expected = ranked(scores).stream().limit(n).sorted().toList();
      assertEquals(expected, chosen.stream().boxed().toList(), "trial " + trial);
    }
  }

  @Test
  void theRankingIsAStableSortWithoutPredictedMasks() {
    for (int trial = 0; trial < 2000; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      double[] scores = anyScores(random);
      BitSet masks = new BitSet();
      for (int i = 0; i < scores.length; i++) {
        masks.set(i, random.nextInt(4) == 0);
      }
      Ranking ranking = scored(scores, masks).ranking();
      List<Integer> popped = new ArrayList<>();
      while (!ranking.isEmpty()) {
        int best = ranking.best();
        assertEquals(best, ranking.pop());
        popped.add(best);
      }
      assertEquals(
          ranked(scores).stream().filter(i -> !masks.get(i)).toList(), popped, "trial " + trial);
      assertThrows(NoSuchElementException.class, ranking::best);
      assertThrows(NoSuchElementException.class, ranking::pop);
    }
  }

  /** As {@code <} compares: −0 and 0 are equal. */
  private static List<Integer> ranked(double[] scores) {
    return IntStream.range(0, scores.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -scores[i] + 0.0))
        .toList();
  }
}
