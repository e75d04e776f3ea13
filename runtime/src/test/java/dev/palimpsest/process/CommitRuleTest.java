/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

/** Every rule against the published loop written down plainly, row by row. */
class CommitRuleTest {
  private static final int MASK = 99;
  private static final int VOCABULARY = 90; // never predicts MASK

  private static int[] row(int prompt, int hole) {
    int[] row = new int[prompt + hole];
    Arrays.fill(row, MASK);
    for (int i = 0; i < prompt; i++) {
      row[i] = i + 3;
    }
    return row;
  }

  private static void assertRows(
      List<int[]> expected,
      int[] start,
      int prompt,
      MaskedOptions o,
      Predictor model,
      String what) {
    BitSet fixed = new BitSet();
    fixed.set(0, prompt);
    MaskedDiffusion process = MaskedDiffusion.of(start, fixed, o, MASK);
    List<int[]> rows = model.run(process).rows();
    assertEquals(expected.size(), rows.size() - 1, what + ": steps");
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), rows.get(i + 1), what + ", step " + (i + 1));
    }
  }

  @Test
  void lladaRulesFollowTheLoop() {
    SplittableRandom random = new SplittableRandom(1);
    for (int trial = 0; trial < 200; trial++) {
      int block = 1 + random.nextInt(12);
      int blocks = 1 + random.nextInt(4);
      int perBlock = 1 + random.nextInt(block);
      int prompt = random.nextInt(5);
      int[] start = row(prompt, block * blocks);
      Predictor model = Predictor.hashing(trial, VOCABULARY);
      for (Algorithm algorithm : List.of(Algorithm.LOW_CONFIDENCE, Algorithm.RANDOM)) {
        int steps = perBlock * blocks;
        MaskedOptions o =
            MaskedOptions.greedy(algorithm, steps).withBlockLength(block).withSeed(trial);
        Long noise = algorithm == Algorithm.RANDOM ? Long.valueOf(trial) : null;
        List<int[]> expected =
            ReferenceDecoders.llada(start, prompt, MASK, steps, block, noise, model);
        assertRows(expected, start, prompt, o, model, algorithm + " trial " + trial);
      }
    }
  }

  @Test
  void lladaKeepsPlacesForPredictedMasks() {
    SplittableRandom random = new SplittableRandom(2);
    int left = 0;
    for (int trial = 0; trial < 200; trial++) {
      int block = 2 + random.nextInt(8);
      int[] start = row(2, block * 3);
      Predictor model =
          Predictor.hashing(trial, VOCABULARY).predictingMask(MASK, token -> token % 4 == 0);
      int steps = 3 * (1 + random.nextInt(block));
      MaskedOptions o =
          MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, steps).withBlockLength(block);
      List<int[]> expected = ReferenceDecoders.llada(start, 2, MASK, steps, block, null, model);
      left += (int) Arrays.stream(expected.getLast()).filter(t -> t == MASK).count();
      assertRows(expected, start, 2, o, model, "trial " + trial);
    }
    assertTrue(left > 0, "the case must come up");
  }

  @Test
  void dreamRulesFollowTheLoop() {
    SplittableRandom random = new SplittableRandom(4);
    for (int trial = 0; trial < 200; trial++) {
      int prompt = random.nextInt(5);
      int[] start = row(prompt, 1 + random.nextInt(40));
      int steps = 1 + random.nextInt(50); // also more steps than masks
      Predictor model = Predictor.hashing(trial, VOCABULARY);
      for (Algorithm algorithm :
          List.of(Algorithm.MASKGIT_PLUS, Algorithm.MARGIN, Algorithm.ENTROPY)) {
        ToDoubleFunction<Predictor.Guess> score =
            switch (algorithm) {
              case MASKGIT_PLUS -> Predictor.Guess::confidence;
              case MARGIN -> Predictor.Guess::margin;
              default -> Predictor.Guess::negativeEntropy;
            };
        List<int[]> expected = ReferenceDecoders.dream(start, MASK, steps, score, model);
        assertRows(
            expected,
            start,
            prompt,
            MaskedOptions.greedy(algorithm, steps),
            model,
            algorithm + " trial " + trial);
      }
    }
  }

  @Test
  void dreamsTimeEndsAtAThousandth() {
    assertEquals(1, LinearTime.at(0, 16));
    assertEquals(0.5005, LinearTime.at(8, 16), 1e-15);
    assertEquals(1e-3, LinearTime.at(16, 16));
    // 1 − s/t of the last but one of 4 steps: 1 − 0.25075/0.5005.
    assertEquals(0.4990009990009990, LinearTime.share(new Moment(2, 4, 0, 0, 0)), 1e-15);
  }

  @Test
  void originRevealsEachMaskWithItsShare() {
    // Σ over seeds of what the first of 4 steps commits among 64 masks: share (1 − 1e-3)/4.
    int committed = 0;
    int seeds = 500;
    for (int seed = 0; seed < seeds; seed++) {
      MaskedOptions o = MaskedOptions.greedy(Algorithm.ORIGIN, 4).withSeed(seed);
      MaskedDiffusion process = MaskedDiffusion.of(row(0, 64), new BitSet(), o, MASK);
      Predictor model = Predictor.hashing(seed, VOCABULARY);
      committed += model.step(process, new Predictions(), 0).changes().size();
      assertEquals(3, model.run(process).revisions().size() - 1);
      assertTrue(process.canvas().maskedPositions().isEmpty());
    }
    double mean = committed / (double) (seeds * 64);
    // Standard deviation of the mean: sqrt(0.25 · 0.75 / 32000) = 0.0024.
    assertEquals(0.999 / 4, mean, 0.012);
  }

  @Test
  void algorithmTemperatureDrawsInProportionToSoftmax() {
    double[] confidence = {0.9, 0.5, 0.1, 0.7};
    double temperature = 0.4;
    double sum = Arrays.stream(confidence).map(c -> Math.exp(c / temperature)).sum();
    int[] first = new int[4];
    int draws = 20_000;
    Predictor model = (r, p, s) -> new Predictor.Guess(p, confidence[p], 0, 0, 0);
    Predictions predictions = new Predictions();
    for (int seed = 0; seed < draws; seed++) {
      MaskedOptions o =
          MaskedOptions.greedy(Algorithm.MASKGIT_PLUS, 2)
              .withAlgorithmTemperature(temperature)
              .withSeed(seed);
      // Half of 3 masks rounded down is one position; the fourth is already written.
      MaskedDiffusion process = MaskedDiffusion.of(row(0, 3), new BitSet(), o, MASK);
      Revision revision = model.step(process, predictions, 1);
      assertEquals(1, revision.changes().size());
      first[revision.changes().getFirst().position()]++;
    }
    double three = sum - Math.exp(confidence[3] / temperature);
    for (int i = 0; i < 3; i++) {
      double expected = Math.exp(confidence[i] / temperature) / three;
      assertEquals(expected, first[i] / (double) draws, 0.02, "position " + i);
    }
    assertEquals(0, first[3]);
  }

  @Test
  void randomOrderIsUniform() {
    int[] first = new int[8];
    Predictor model = Predictor.hashing(5, VOCABULARY);
    Predictions predictions = new Predictions();
    int draws = 16_000;
    for (int seed = 0; seed < draws; seed++) {
      MaskedOptions o = MaskedOptions.greedy(Algorithm.RANDOM, 8).withSeed(seed);
      MaskedDiffusion process = MaskedDiffusion.of(row(0, 8), new BitSet(), o, MASK);
      first[model.step(process, predictions, 0).changes().getFirst().position()]++;
    }
    double chiSquare = 0;
    for (int count : first) {
      chiSquare += (count - draws / 8.0) * (count - draws / 8.0) / (draws / 8.0);
    }
    assertTrue(chiSquare < 24.3, "chi-square, 7 degrees of freedom, p = 0.001: " + chiSquare);
  }

  @Test
  void tiesGoToTheLowestPosition() {
    Predictor flat = (r, p, s) -> new Predictor.Guess(p, 0.5, 0.5, -0.5, 0.5);
    for (Algorithm algorithm :
        List.of(Algorithm.LOW_CONFIDENCE, Algorithm.THRESHOLD, Algorithm.ENTROPY)) {
      MaskedOptions o =
          algorithm.countsSteps()
              ? MaskedOptions.greedy(algorithm, 3)
              : MaskedOptions.greedy(algorithm);
      MaskedDiffusion process = MaskedDiffusion.of(row(0, 9), new BitSet(), o, MASK);
      List<Integer> positions =
          flat.step(process, new Predictions(), 0).changes().stream()
              .map(Change::position)
              .toList();
      List<Integer> expected =
          switch (algorithm) {
            case THRESHOLD -> List.of(0);
            case ENTROPY -> List.of(0, 1); // ⌊9 · 0.333⌋
            default -> List.of(0, 1, 2);
          };
      assertEquals(expected, positions, algorithm.name());
    }
  }
}
