/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A process in a hurry ends in time, with nothing left to write, whatever it was asked for. */
class HurryTest {
  private static final int MASK = 99;
  private static final int TRIALS = 200;

  /** Any pace, blocks and corrections that the algorithm knows. */
  private static MaskedDiffusion any(Algorithm algorithm, SplittableRandom random) {
    int[] tokens = new int[4 + random.nextInt(60)];
    BitSet fixed = new BitSet();
    for (int p = 0; p < tokens.length; p++) {
      tokens[p] = random.nextInt(5) > 0 ? MASK : random.nextInt(90);
      fixed.set(p, tokens[p] != MASK && random.nextInt(3) > 0);
    }
    int written = Math.max(1, tokens.length - fixed.cardinality());
    int length = algorithm.knowsBlocks() ? random.nextInt(written + 1) : 0;
    int blocks = length == 0 ? 1 : Math.ceilDiv(written, length);
    Pace pace =
        !algorithm.countsSteps()
            ? new Pace.AsNeeded(
                random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(written))
            : algorithm == Algorithm.ORIGIN || random.nextBoolean()
                ? new Pace.Steps(blocks + random.nextInt(50))
                : new Pace.TokensPerStep(1 + random.nextInt(3));
    MaskedOptions options =
        MaskedOptions.greedy(algorithm, pace).withBlockLength(length).withSeed(random.nextLong());
    int correction = random.nextInt(3);
    if (correction == 0) {
      options = options.withCorrection(new Remask(0.3, 8));
    } else if (correction == 1 && !algorithm.countsSteps()) {
      options = options.withCorrection(new Edit(0.6));
    }
    return MaskedDiffusion.of(tokens, fixed, options, MASK);
  }

  @ParameterizedTest
  @EnumSource
  void whoHurriesIsDoneInTime(Algorithm algorithm) {
    int hurried = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      Predictor model = Predictor.hashing(trial, 90);
      Predictions predictions = new Predictions();
      int unhurried = model.run(any(algorithm, new SplittableRandom(trial))).revisions().size() - 1;
      MaskedDiffusion process = any(algorithm, new SplittableRandom(trial));
      for (int before = random.nextInt(4); before > 0 && !process.finished(); before--) {
        model.step(process, predictions, 0);
      }
      int left = 1 + random.nextInt(10);
      hurried += process.step() + left < unhurried ? 1 : 0;
      for (; !process.finished(); left--) {
        assertTrue(left > 0, algorithm + ", trial " + trial + ": not done in time");
        process.hurry(left);
        model.step(process, predictions, 0);
      }
      assertTrue(process.canvas().maskedPositions().isEmpty(), algorithm + ", trial " + trial);
    }
    assertTrue(hurried > TRIALS / 4, "hardly any had to hurry: " + hurried);
  }

  @ParameterizedTest
  @EnumSource
  void whoHasTimeEnoughDoesWhatItWouldHaveDone(Algorithm algorithm) {
    for (int trial = 0; trial < TRIALS; trial++) {
      Predictor model = Predictor.hashing(trial, 90);
      List<Revision> expected = model.run(any(algorithm, new SplittableRandom(trial))).revisions();
      MaskedDiffusion process = any(algorithm, new SplittableRandom(trial));
      List<Revision> revisions = new ArrayList<>(List.of(process.start()));
      Predictions predictions = new Predictions();
      while (!process.finished()) {
        process.hurry(10_000);
        revisions.add(model.step(process, predictions, 0));
      }
      assertTrue(expected.equals(revisions), algorithm + ", trial " + trial);
    }
  }

  @Test
  void theStepsLeftAreUsed() {
    int[] tokens = new int[64];
    Arrays.fill(tokens, MASK);
    MaskedDiffusion process =
        MaskedDiffusion.of(
            tokens,
            new BitSet(),
            MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 64).withBlockLength(8),
            MASK);
    Predictor model = Predictor.hashing(1, 90);
    List<Integer> written = new ArrayList<>();
    // Four blocks of eight in sixteen steps, then what is left of it at once in three.
    for (int left = 32; !process.finished(); left -= left == 16 ? 13 : 1) {
      process.hurry(left);
      written.add(model.step(process, new Predictions(), 0).changes().size());
    }
    assertEquals(List.of(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 10, 10, 10), written);
  }

  @Test
  void aModelThatAttendsInBlocksTakesAStepForEach() {
    int[] tokens = new int[20];
    Arrays.fill(tokens, MASK);
    MaskedDiffusion process =
        MaskedDiffusion.inBlocksOf(
            4, tokens, new BitSet(), MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 20), MASK);
    Predictor model = Predictor.hashing(1, 90);
    Predictions predictions = new Predictions();
    for (int steps = 0; steps < 5; steps++) {
      process.hurry(1);
      assertEquals(4 * steps, process.active().from());
      assertEquals(4, model.step(process, predictions, 0).changes().size());
    }
    assertTrue(process.finished());
  }
}
