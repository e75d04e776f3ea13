/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The rules that write in blocks, budgets and editing against {@link ReferenceBlocks}. */
class BlockDecodingTest {
  private static final int MASK = 99;
  private static final int TRIALS = 300;

  /** Anything a trial is about. */
  private record Trial(
      int[] start, BitSet fixed, int length, OptionalDouble edit, Predictor model, long seed) {

    /** Holes, drafts and fixed text anywhere; now and then MASK is predicted. */
    static Trial any(int trial) {
      SplittableRandom random = new SplittableRandom(trial);
      int n = 1 + random.nextInt(50);
      int[] start = new int[n];
      BitSet fixed = new BitSet();
      for (int p = 0; p < n; p++) {
        start[p] = random.nextInt(4) > 0 ? MASK : random.nextInt(90);
        fixed.set(p, start[p] != MASK && random.nextInt(3) > 0);
      }
      int written = n - fixed.cardinality();
      int length = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(written + 2);
      OptionalDouble edit =
          random.nextInt(3) == 0
              ? OptionalDouble.of(0.5 + random.nextInt(17) / 32.0)
              : OptionalDouble.empty();
      Predictor model = Predictor.hashing(trial, 90);
      if (random.nextInt(3) == 0) {
        model = model.predictingMask(MASK, token -> token % 3 == 0);
      }
      return new Trial(start, fixed, length, edit, model, trial);
    }

    ReferenceBlocks reference() {
      List<Integer> written =
          IntStream.range(0, start.length).filter(p -> !fixed.get(p)).boxed().toList();
      return new ReferenceBlocks(
          start, written, MASK, length == 0 ? Math.max(1, written.size()) : length, edit);
    }

    MaskedOptions fit(MaskedOptions options) {
      return options
          .withBlockLength(length)
          .withSeed(seed)
          .withCorrection(edit.isPresent() ? new Edit(edit.getAsDouble()) : Correction.NONE);
    }

    void assertRows(List<int[]> expected, MaskedOptions options) {
      String what = "trial " + seed + " " + options;
      List<int[]> rows = model.run(MaskedDiffusion.of(start, fixed, options, MASK)).rows();
      assertEquals(expected.size(), rows.size() - 1, what + ": steps");
      for (int i = 0; i < expected.size(); i++) {
        assertArrayEquals(expected.get(i), rows.get(i + 1), what + ", step " + (i + 1));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      names = {"THRESHOLD", "FACTOR", "ENTROPY_BOUNDED", "MARGIN_THRESHOLD", "HIERARCHICAL"})
  void adaptiveRulesFollowTheLoop(Algorithm algorithm) {
    int limited = 0;
    int several = 0;
    int edited = 0;
    for (int t = 0; t < TRIALS; t++) {
      Trial trial = Trial.any(t);
      SplittableRandom random = new SplittableRandom(-t);
      int most = random.nextBoolean() ? 1 + random.nextInt(12) : Integer.MAX_VALUE;
      double threshold = t % 5 == 0 ? 1 : 0.5 + random.nextInt(33) / 64.0;
      double low = random.nextInt(1 + (int) (threshold * 64)) / 64.0;
      double factor = random.nextInt(17) / 4.0;
      double bound = random.nextInt(33) / 16.0;
      MaskedOptions options = trial.fit(MaskedOptions.greedy(algorithm, new Pace.AsNeeded(most)));
      ReferenceBlocks.Rule rule =
          switch (algorithm) {
            case THRESHOLD -> ReferenceBlocks.threshold(threshold);
            case FACTOR -> ReferenceBlocks.factor(factor);
            case ENTROPY_BOUNDED -> ReferenceBlocks.entropyBounded(bound);
            case MARGIN_THRESHOLD -> ReferenceBlocks.marginThreshold(threshold);
            default -> ReferenceBlocks.hierarchical(threshold, low);
          };
      for (Bound b : new TreeSet<>(algorithm.bounds())) {
        options =
            options.withBound(
                b,
                switch (b) {
                  case THRESHOLD -> threshold;
                  case LOW_THRESHOLD -> low;
                  case FACTOR -> factor;
                  case ENTROPY_BOUND -> bound;
                });
      }
      List<int[]> expected = trial.reference().asNeeded(rule, most, trial.model);
      trial.assertRows(expected, options);
      List<int[]> unlimited = trial.reference().asNeeded(rule, Integer.MAX_VALUE, trial.model);
      limited += expected.size() < unlimited.size() ? 1 : 0;
      several += unlimited.size() < trial.start.length / 2 ? 1 : 0;
      edited += trial.edit.isPresent() ? 1 : 0;
    }
    assertTrue(limited > 20 && several > 20 && edited > 20, "the cases must come up");
  }

  @ParameterizedTest
  @EnumSource(names = {"LOW_CONFIDENCE", "RANDOM"})
  void asManyTokensAsAskedForInEveryStep(Algorithm algorithm) {
    for (int t = 0; t < TRIALS; t++) {
      Trial trial = Trial.any(t);
      int n = 1 + new SplittableRandom(-t).nextInt(9);
      MaskedOptions options = trial.fit(MaskedOptions.greedy(algorithm, new Pace.TokensPerStep(n)));
      List<int[]> expected =
          trial
              .reference()
              .fixed(
                  n,
                  place -> place.guess().confidence(),
                  t,
                  algorithm == Algorithm.RANDOM,
                  trial.model);
      trial.assertRows(expected, options);
    }
  }

  /** Dream's rules know one block only, and take any number as well. */
  @ParameterizedTest
  @EnumSource(names = {"MASKGIT_PLUS", "MARGIN", "ENTROPY"})
  void asManyTokensAsAskedForByDreamsScores(Algorithm algorithm) {
    for (int t = 0; t < TRIALS; t++) {
      Trial some = Trial.any(t);
      Trial trial = new Trial(some.start, some.fixed, 0, some.edit, some.model, t);
      int n = 1 + new SplittableRandom(-t).nextInt(9);
      List<int[]> expected =
          trial
              .reference()
              .fixed(
                  n,
                  place ->
                      switch (algorithm) {
                        case MASKGIT_PLUS -> place.guess().confidence();
                        case MARGIN -> place.guess().margin();
                        default -> place.guess().negativeEntropy();
                      },
                  t,
                  false,
                  trial.model);
      trial.assertRows(
          expected, trial.fit(MaskedOptions.greedy(algorithm, new Pace.TokensPerStep(n))));
    }
  }

  @Test
  void tenTokensByFourAreFourFourTwo() {
    MaskedOptions options =
        MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, new Pace.TokensPerStep(4));
    assertEquals(List.of(4, 4, 2), changes(options, masks(10), Predictor.hashing(1, 90)));
    assertEquals(
        List.of(4, 2, 4), changes(options.withBlockLength(6), masks(10), Predictor.hashing(1, 90)));
  }

  private static int[] masks(int n) {
    int[] row = new int[n];
    Arrays.fill(row, MASK);
    return row;
  }

  private static List<Integer> changes(MaskedOptions options, int[] row, Predictor model) {
    return model.run(MaskedDiffusion.of(row, new BitSet(), options, MASK)).revisions().stream()
        .skip(1)
        .map(revision -> revision.changes().size())
        .toList();
  }

  /** A model that is never sure: without a budget one token a step. */
  @ParameterizedTest
  @EnumSource(
      names = {"THRESHOLD", "FACTOR", "ENTROPY_BOUNDED", "MARGIN_THRESHOLD", "HIERARCHICAL"})
  void aBlockNeverTakesMoreStepsThanItsBudget(Algorithm algorithm) {
    Predictor unsure = (row, p, s) -> new Predictor.Guess(p, 0.1, 0.05, -3, 0.1);
    MaskedOptions unlimited = MaskedOptions.greedy(algorithm).withBlockLength(16);
    assertEquals(48, changes(unlimited, masks(48), unsure).size());
    for (int most = 1; most <= 20; most++) {
      MaskedOptions options =
          MaskedOptions.greedy(algorithm, new Pace.AsNeeded(most)).withBlockLength(16);
      List<Integer> taken = changes(options, masks(48), unsure);
      assertEquals(3 * Math.min(most, 16), taken.size());
      assertEquals(48, taken.stream().mapToInt(Integer::intValue).sum());
      assertTrue(
          taken.stream().allMatch(n -> n <= Math.ceilDiv(16, Math.min(taken.size() / 3, 16))));
    }
  }

  /** A sure start leaves the later steps of the budget more time. */
  @Test
  void theBudgetLoosensOnlyAsFarAsItMust() {
    Predictor half = (row, p, s) -> new Predictor.Guess(p, p < 8 ? 0.99 : 0.1, 0, 0, 0);
    MaskedOptions options = MaskedOptions.greedy(Algorithm.THRESHOLD, new Pace.AsNeeded(4));
    assertEquals(List.of(8, 3, 3, 2), changes(options, masks(16), half));
  }

  /** A model that knows what stands where, but at first is sure of wrong tokens at some places. */
  private static Predictor learning(BitSet wrong, int mostMasked) {
    return (row, p, s) -> {
      boolean early = Arrays.stream(row).filter(t -> t == MASK).count() > mostMasked;
      return early && wrong.get(p)
          ? new Predictor.Guess(50, 0.97, 0.9, -0.01, 0)
          : new Predictor.Guess(20 + p, 0.6, 0.5, -0.1, 0);
    };
  }

  @Test
  void wrongTokensAreEditedOnceTheModelSeesThem() {
    int[] right = IntStream.range(20, 44).toArray();
    BitSet wrong = new BitSet();
    wrong.set(3);
    wrong.set(9);
    wrong.set(17);
    for (Algorithm algorithm : Algorithm.values()) {
      Pace pace = algorithm.countsSteps() ? new Pace.Steps(16) : Pace.AsNeeded.UNLIMITED;
      MaskedOptions plain =
          MaskedOptions.greedy(algorithm, pace).withBlockLength(algorithm.knowsBlocks() ? 12 : 0);
      Predictor model = learning(wrong, 10);
      int[] without = model.run(MaskedDiffusion.of(masks(24), new BitSet(), plain, MASK)).last();
      Predictor.Run run =
          model.run(
              MaskedDiffusion.of(
                  masks(24), new BitSet(), plain.withCorrection(new Edit(0.5)), MASK));
      boolean errs = !Arrays.equals(right, without);
      assertTrue(errs || algorithm == Algorithm.RANDOM || algorithm == Algorithm.ORIGIN);
      // Beyond the block being written nothing changes: what was wrong in the first stays.
      int from = algorithm.knowsBlocks() ? 12 : 0;
      assertArrayEquals(
          Arrays.copyOfRange(right, from, 24),
          Arrays.copyOfRange(run.last(), from, 24),
          algorithm.name());
      boolean edited =
          run.revisions().stream()
              .flatMap(revision -> revision.changes().stream())
              .anyMatch(change -> change.equals(new Change.Replace(17, 50, 37, 0.6)));
      assertTrue(
          edited || algorithm == Algorithm.RANDOM || algorithm == Algorithm.ORIGIN,
          algorithm.name());
    }
  }

  @Test
  void draftsAreEditedAndFixedTextIsNot() {
    int[] draft = {20, 51, 22, 52, 24};
    BitSet fixed = new BitSet();
    fixed.set(3);
    MaskedOptions options = MaskedOptions.greedy(Algorithm.THRESHOLD).withCorrection(new Edit(0.5));
    Predictor model = learning(new BitSet(), 0);
    Predictor.Run run = model.run(MaskedDiffusion.of(draft, fixed, options, MASK));
    assertArrayEquals(new int[] {20, 21, 22, 52, 24}, run.last());
    assertEquals(List.of(5, 1, 0), run.revisions().stream().map(r -> r.changes().size()).toList());
    assertEquals(List.of(new Change.Replace(1, 51, 21, 0.6)), run.revisions().get(1).changes());
  }

  @Test
  void whatIsNotSureEnoughIsNotEdited() {
    int[] draft = {20, 51, 22};
    MaskedOptions options = MaskedOptions.greedy(Algorithm.THRESHOLD);
    for (double above : new double[] {0.6, 0.59}) {
      int[] last =
          learning(new BitSet(), 0)
              .run(
                  MaskedDiffusion.of(
                      draft, new BitSet(), options.withCorrection(new Edit(above)), MASK))
              .last();
      assertEquals(above < 0.6 ? 21 : 51, last[1]);
    }
  }

  /** A model that never agrees with what it sees. */
  @Test
  void editingEndsByItsCap() {
    Predictor fickle =
        (row, p, s) -> new Predictor.Guess(row[p] == 30 ? 31 : 30, 0.95, 0.9, -0.1, 0);
    MaskedOptions options =
        MaskedOptions.greedy(Algorithm.THRESHOLD).withBlockLength(4).withCorrection(new Edit(0.5));
    Predictor.Run run = fickle.run(MaskedDiffusion.of(masks(8), new BitSet(), options, MASK));
    // Each block: one step to write it, and sixteen.
    assertEquals(2 * 17, run.revisions().size() - 1);
    MaskedOptions limited =
        MaskedOptions.greedy(Algorithm.THRESHOLD, new Pace.AsNeeded(5))
            .withBlockLength(4)
            .withCorrection(new Edit(0.5));
    assertEquals(
        2 * 5,
        fickle.run(MaskedDiffusion.of(masks(8), new BitSet(), limited, MASK)).revisions().size()
            - 1);
  }

  /** Nothing but MASK is predicted for one place, and another never settles. */
  @Test
  void editingEndsByItsCapWhereMasksCannotBeWritten() {
    Predictor fickle =
        (row, p, s) ->
            new Predictor.Guess(p == 0 ? MASK : row[p] == 30 ? 31 : 30, 0.95, 0.9, -0.1, 0);
    MaskedOptions options = MaskedOptions.greedy(Algorithm.THRESHOLD).withCorrection(new Edit(0.5));
    Predictor.Run run = fickle.run(MaskedDiffusion.of(masks(3), new BitSet(), options, MASK));
    assertEquals(17, run.revisions().size() - 1);
    assertEquals(MASK, run.last()[0]);
  }

  /** The end of a text may be a mistake as well. */
  @Test
  void anEndTokenMayBeEditedBeforeItEndsTheText() {
    int end = 1;
    Predictor model =
        (row, p, s) ->
            new Predictor.Guess(s == 0 && p == 2 ? end : 20 + p, s == 0 ? 0.95 : 0.92, 0, 0, 0);
    MaskedOptions options = MaskedOptions.greedy(Algorithm.THRESHOLD).withStopAtEnd(true);
    MaskedOptions editing = options.withCorrection(new Edit(0.5));
    assertArrayEquals(
        new int[] {20, 21, end, end, end},
        model.run(MaskedDiffusion.of(masks(5), new BitSet(), options, MASK, end)).last());
    assertArrayEquals(
        new int[] {20, 21, 22, 23, 24},
        model.run(MaskedDiffusion.of(masks(5), new BitSet(), editing, MASK, end)).last());
  }

  @Test
  void runsAreDividedByWhatIsWritten() {
    // Runs 0..2, 4..5 and 7; the last one's best is not sure enough, 5 is sure by itself.
    int[] row = {MASK, MASK, MASK, 9, MASK, MASK, 9, MASK};
    double[] sure = {0.5, 0.6, 0.5, 0, 0.95, 0.91, 0, 0.3};
    BitSet fixed = new BitSet();
    fixed.set(3);
    fixed.set(6);
    Predictor model = (r, p, s) -> new Predictor.Guess(20 + p, sure[p], 0, 0, 0);
    MaskedDiffusion process =
        MaskedDiffusion.of(row, fixed, MaskedOptions.greedy(Algorithm.HIERARCHICAL), MASK);
    List<Integer> first = new ArrayList<>();
    model
        .step(process, new dev.palimpsest.kernels.Predictions(), 0)
        .changes()
        .forEach(change -> first.add(change.position()));
    assertEquals(List.of(1, 4, 5), first);
    assertFalse(process.finished());
  }
}
