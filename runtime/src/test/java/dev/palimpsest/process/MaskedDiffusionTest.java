/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MaskedDiffusionTest {
  private static final int MASK = 99;
  private static final int END = 1;

  private static BitSet bits(int... positions) {
    BitSet set = new BitSet();
    Arrays.stream(positions).forEach(set::set);
    return set;
  }

  private static int[] masks(int n) {
    int[] row = new int[n];
    Arrays.fill(row, MASK);
    return row;
  }

  private static Algorithm any(SplittableRandom random) {
    return Algorithm.values()[random.nextInt(Algorithm.values().length)];
  }

  /** Options that fit a hole of {@code hole} tokens. */
  private static MaskedOptions anyOptions(SplittableRandom random, int hole) {
    Algorithm algorithm = any(random);
    int block = algorithm.knowsBlocks() ? random.nextInt(hole + 4) : 0;
    int blocks = block == 0 ? 1 : Math.max(1, Math.ceilDiv(hole, block));
    Correction correction =
        switch (random.nextInt(4)) {
          case 0 -> new Remask(random.nextInt(5) / 4.0, random.nextInt(20));
          case 1 -> new Edit(random.nextInt(5) / 4.0);
          default -> Correction.NONE;
        };
    MaskedOptions options = MaskedOptions.greedy(algorithm, anyPace(random, algorithm, blocks));
    for (Bound bound : algorithm.bounds()) {
      options = options.withBound(bound, anyBound(random, bound));
    }
    return options
        .withBlockLength(block)
        .withAlgorithmTemperature(
            algorithm.drawsPositions() && random.nextBoolean() ? random.nextDouble() : 0)
        .withCorrection(correction)
        .withStopAtEnd(random.nextInt(3) == 0)
        .withSeed(random.nextLong());
  }

  private static Pace anyPace(SplittableRandom random, Algorithm algorithm, int blocks) {
    if (!algorithm.countsSteps()) {
      return random.nextBoolean()
          ? Pace.AsNeeded.UNLIMITED
          : new Pace.AsNeeded(1 + random.nextInt(10));
    }
    return algorithm != Algorithm.ORIGIN && random.nextBoolean()
        ? new Pace.TokensPerStep(1 + random.nextInt(10))
        : new Pace.Steps(blocks + random.nextInt(40));
  }

  private static double anyBound(SplittableRandom random, Bound bound) {
    return switch (bound) {
      case THRESHOLD -> 0.5 + random.nextInt(5) / 8.0;
      case LOW_THRESHOLD -> random.nextInt(5) / 8.0;
      case FACTOR -> random.nextInt(9) / 4.0;
      case ENTROPY_BOUND -> random.nextInt(9) / 2.0;
    };
  }

  /** A canvas with fixed text, masks and drafted tokens anywhere. */
  private record Scene(int[] tokens, BitSet fixed) {
    static Scene any(SplittableRandom random) {
      int n = random.nextInt(60);
      int[] tokens = new int[n];
      BitSet fixed = new BitSet();
      for (int i = 0; i < n; i++) {
        tokens[i] = random.nextInt(3) > 0 ? MASK : random.nextInt(90);
        if (tokens[i] != MASK ? random.nextInt(4) > 0 : random.nextInt(30) == 0) {
          fixed.set(i);
        }
      }
      return new Scene(tokens, fixed);
    }

    int hole() {
      return tokens.length - fixed.cardinality();
    }
  }

  private static List<Predictor> adversaries(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Predictor hashing = Predictor.hashing(seed, 100);
    return List.of(
        hashing,
        (r, p, s) -> new Predictor.Guess(MASK, 1, 1, 0, 0),
        (r, p, s) -> new Predictor.Guess(END, 1, 1, 0, 0),
        (r, p, s) -> new Predictor.Guess(p, Double.NaN, Double.NaN, Double.NaN, Double.NaN),
        (r, p, s) ->
            new Predictor.Guess(
                s, Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY, 0),
        (r, p, s) -> new Predictor.Guess(s % 2 == 0 ? MASK : 5, 0, 0, 0, 0),
        (r, p, s) ->
            new Predictor.Guess(
                random.nextInt(101), random.nextDouble(), 0, 0, random.nextDouble() / 4));
  }

  /** What a cache relies on. */
  @Test
  void theActiveBlockHoldsAllThatIsWantedAndStaysWhileItLasts() {
    int mask = 3;
    int drawnBack = 0;
    for (int seed = 0; seed < 60; seed++) {
      int[] tokens = new int[40];
      BitSet fixed = new BitSet();
      SplittableRandom random = new SplittableRandom(seed);
      for (int p = 0; p < tokens.length; p++) {
        fixed.set(p, random.nextInt(3) == 0);
        tokens[p] = fixed.get(p) ? 50 : mask;
      }
      MaskedOptions options =
          (seed % 2 == 0
                  ? MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 20)
                  : MaskedOptions.greedy(Algorithm.THRESHOLD).withBound(Bound.THRESHOLD, 0.5))
              .withBlockLength(5)
              .withCorrection(seed % 3 == 0 ? new Remask(0.2, 3) : Correction.NONE);
      MaskedDiffusion process = MaskedDiffusion.of(tokens, fixed, options, mask);
      // One guess of four is MASK: some positions stay masked when their block is over.
      Predictor model = Predictor.hashing(seed, 4);
      Predictions predictions = new Predictions();
      ActiveBlock before = process.active();
      while (!process.finished()) {
        ActiveBlock active = process.active();
        if (active.index() == before.index()) {
          assertEquals(before, active);
        } else if (active.from() < before.to()) {
          drawnBack++;
        }
        int[] wanted = process.wanted().toArray();
        int[] row = process.canvas().tokens();
        assertTrue(wanted[0] >= active.from() && wanted[wanted.length - 1] < active.to());
        model.step(process, predictions, 0);
        for (int p = 0; p < row.length; p++) {
          if (row[p] != process.canvas().token(p)) {
            assertTrue(p >= active.from() && p < active.to());
          }
        }
        before = active;
      }
    }
    assertTrue(drawnBack > 0, "no mask was ever left behind");
  }

  @Test
  void alwaysEndsAndKeepsItsPromises() {
    for (int trial = 0; trial < 3000; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      Scene scene = Scene.any(random);
      MaskedOptions o = anyOptions(random, scene.hole());
      List<Predictor> models = adversaries(trial);
      Predictor model = models.get(trial % models.size());
      boolean predictsMask = trial % models.size() < 2 || trial % models.size() > 4;
      String what = "trial " + trial + " " + o;

      MaskedDiffusion process = MaskedDiffusion.of(scene.tokens, scene.fixed, o, MASK, END);
      Predictions predictions = new Predictions();
      Canvas replay = new Canvas(MASK);
      replay.apply(process.start());
      assertArrayEquals(scene.tokens, replay.tokens(), what);
      int remasked = 0;
      int budget = o.correction() instanceof Remask(double _, int most) ? most : 0;
      int bound = mostSteps(o, scene, budget);
      while (!process.finished()) {
        int[] wanted = process.wanted().toArray();
        assertTrue(wanted.length > 0, what);
        for (int i = 0; i < wanted.length; i++) {
          assertTrue(i == 0 || wanted[i - 1] < wanted[i], what);
          assertFalse(scene.fixed.get(wanted[i]), what);
          assertTrue(process.canvas().masked(wanted[i]) || o.correction() != Correction.NONE, what);
        }
        Revision revision = model.step(process, predictions, trial % 3);
        assertEquals(process.step(), revision.step(), what);
        remasked +=
            (int) revision.changes().stream().filter(Change.Remask.class::isInstance).count();
        replay.apply(revision);
        assertArrayEquals(process.canvas().tokens(), replay.tokens(), what);
        BitSet masked = replay.maskedPositions();
        masked.andNot(scene.fixed);
        assertEquals(masked.cardinality(), revision.masked(), what);
        assertTrue(process.step() <= bound, what + ": " + process.step() + " steps");
      }
      assertEquals(0, process.wanted().size());
      assertThrows(IllegalStateException.class, () -> process.advance(predictions, 0));
      assertTrue(remasked <= budget, what);
      for (int i = 0; i < scene.tokens.length; i++) {
        if (scene.fixed.get(i)) {
          assertEquals(scene.tokens[i], replay.token(i), what);
        } else if (!predictsMask) {
          assertFalse(replay.masked(i), what);
        }
      }
    }
  }

  private static int mostSteps(MaskedOptions o, Scene scene, int remaskBudget) {
    int blocks =
        o.blockLength() == 0 ? 1 : Math.max(1, Math.ceilDiv(scene.hole(), o.blockLength()));
    int edits = o.correction() instanceof Edit ? blocks * (Edit.MOST_STEPS_WITHOUT_MASKS + 1) : 0;
    int asLong = scene.hole() * 2 + remaskBudget * 2 + 2 + edits;
    return switch (o.pace()) {
      case Pace.Steps(int total) -> total;
      case Pace.TokensPerStep _ -> asLong;
      case Pace.AsNeeded(int most) -> (int) Math.min(asLong, (long) blocks * most);
    };
  }

  @Test
  void sameSeedSameRevisions() {
    for (int trial = 0; trial < 300; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      Scene scene = Scene.any(random);
      MaskedOptions o = anyOptions(random, scene.hole());
      Predictor model = Predictor.hashing(trial, 90);
      List<Revision> one =
          model.run(MaskedDiffusion.of(scene.tokens, scene.fixed, o, MASK, END)).revisions();
      List<Revision> two =
          model.run(MaskedDiffusion.of(scene.tokens, scene.fixed, o, MASK, END)).revisions();
      assertEquals(one, two);
    }
  }

  @Test
  void anotherSeedIsAnotherOrder() {
    Predictor model = Predictor.hashing(3, 90);
    MaskedOptions o = MaskedOptions.greedy(Algorithm.RANDOM, 16);
    List<Revision> one = model.run(MaskedDiffusion.of(masks(16), bits(), o, MASK)).revisions();
    List<Revision> two =
        model.run(MaskedDiffusion.of(masks(16), bits(), o.withSeed(1), MASK)).revisions();
    assertFalse(one.equals(two));
  }

  @Test
  void manyHolesAreTiledByBlocksInOrder() {
    // Holes at 1, 2 | 4 | 6, 7, 8: blocks of 2 are {1, 2}, {4, 6}, {7, 8}.
    int[] tokens = {10, MASK, MASK, 11, MASK, 12, MASK, MASK, MASK};
    BitSet fixed = bits(0, 3, 5);
    MaskedOptions o = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 3).withBlockLength(2);
    MaskedDiffusion process = MaskedDiffusion.of(tokens, fixed, o, MASK);
    Predictor model = (r, p, s) -> new Predictor.Guess(20 + p, 0.5, 0, 0, 0);
    List<List<Integer>> seen = new ArrayList<>();
    while (!process.finished()) {
      seen.add(IntStream.of(process.wanted().toArray()).boxed().toList());
      model.step(process, new Predictions(), 0);
    }
    assertEquals(List.of(List.of(1, 2), List.of(4, 6), List.of(7, 8)), seen);
    assertArrayEquals(new int[] {10, 21, 22, 11, 24, 12, 26, 27, 28}, process.canvas().tokens());
  }

  @Test
  void stepsThatDoNotDivideGoToTheFirstBlocks() {
    // 10 tokens in blocks of 4, 4 and 2; 8 steps: 3, 3 and 2 of them.
    MaskedOptions o = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 8).withBlockLength(4);
    Predictor.Run run =
        Predictor.hashing(1, 90).run(MaskedDiffusion.of(masks(10), bits(), o, MASK));
    List<Integer> commits = run.revisions().stream().skip(1).map(r -> r.changes().size()).toList();
    assertEquals(List.of(2, 1, 1, 2, 1, 1, 1, 1), commits);
  }

  @Test
  void stepsBeyondTheMasksAreNotTaken() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 100).withBlockLength(5);
    Predictor.Run run =
        Predictor.hashing(1, 90).run(MaskedDiffusion.of(masks(10), bits(), o, MASK));
    assertEquals(10, run.revisions().size() - 1);
  }

  @Test
  void blocksLongerThanTheHoleAreOneBlock() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.THRESHOLD).withBlockLength(1 << 20);
    MaskedDiffusion process = MaskedDiffusion.of(masks(7), bits(), o, MASK);
    assertEquals(7, process.wanted().size());
    Predictor.hashing(1, 90).run(process);
    assertTrue(process.canvas().maskedPositions().isEmpty());
  }

  @Test
  void nothingToWriteIsFinishedAtOnce() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.ENTROPY, 4);
    assertTrue(MaskedDiffusion.of(new int[0], bits(), o, MASK).finished());
    assertTrue(MaskedDiffusion.of(new int[] {3, MASK}, bits(0, 1), o, MASK).finished());
    assertTrue(MaskedDiffusion.of(new int[] {3, 4}, bits(0), o, MASK).finished());
  }

  @Test
  void tooFewStepsForTheBlocksIsAnErrorThatSaysSo() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.RANDOM, 3).withBlockLength(4);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> MaskedDiffusion.of(masks(16), bits(), o, MASK))
            .getMessage();
    assertTrue(message.contains("3 steps") && message.contains("at least 4 steps"), message);
  }

  @Test
  void fixedPositionsBeyondTheCanvasAreAnError() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.RANDOM, 3);
    assertThrows(
        IllegalArgumentException.class, () -> MaskedDiffusion.of(masks(3), bits(3), o, MASK));
  }

  @Test
  void stopsAtTheEndOfText() {
    // The surest first: position 4, then 3, … so the end at 2 counts once 0 and 1 are there.
    Predictor model =
        (r, p, s) ->
            new Predictor.Guess(p == 4 ? END : 20 + p, p < 6 ? 0.9 - p / 10.0 : 0.95, 0, 0, 0);
    MaskedOptions o = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 10).withStopAtEnd(true);
    MaskedDiffusion process = MaskedDiffusion.of(masks(10), bits(), o, MASK, END, 2);
    Predictor.Run run = model.run(process);
    assertArrayEquals(new int[] {20, 21, 22, 23, END, END, END, END, END, END}, run.last());
    assertTrue(run.revisions().size() - 1 < 10, "ends early");
    Revision last = run.revisions().getLast();
    assertEquals(0, last.masked());
    assertTrue(last.changes().contains(new Change.Replace(9, 29, END, 1)));
    assertTrue(last.changes().contains(new Change.Commit(5, END, 1)));
  }

  @Test
  void anEndTokenInsideAnInfillIsText() {
    int[] tokens = {MASK, MASK, 12, MASK, MASK};
    Predictor model =
        (r, p, s) -> new Predictor.Guess(p == 0 || p == 3 ? END : 30, 1.0 - p / 8.0, 0, 0, 0);
    MaskedOptions o = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 5).withStopAtEnd(true);
    int[] last = model.run(MaskedDiffusion.of(tokens, bits(2), o, MASK, END)).last();
    assertArrayEquals(new int[] {END, 30, 12, END, END}, last);
  }

  @Test
  void stoppingNeedsAnEndToken() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.RANDOM, 3).withStopAtEnd(true);
    assertThrows(
        IllegalArgumentException.class, () -> MaskedDiffusion.of(masks(3), bits(), o, MASK));
  }

  /**
   * A model that knows the text 20, 21, 22, … but while most of it is still masked it is sure of
   * some wrong tokens; it sees that they are wrong once there is more context.
   */
  private static Predictor knowing(int... wrong) {
    BitSet misled = bits(wrong);
    return (row, p, s) -> {
      boolean early =
          IntStream.range(0, row.length).filter(i -> row[i] == MASK && !misled.get(i)).count()
              > row.length / 2;
      int token = misled.get(p) && early ? 50 : 20 + p;
      double sure = misled.get(p) && early ? 0.99 : 0.6 + p / 1000.0;
      double present = early || row[p] == 20 + p ? 0.9 : 0.05;
      return new Predictor.Guess(token, sure, sure, Math.log(sure), present);
    };
  }

  /** With its usual bounds, in twelve steps at most. */
  private static MaskedOptions twelveSteps(Algorithm algorithm) {
    return MaskedOptions.greedy(
        algorithm, algorithm.countsSteps() ? new Pace.Steps(12) : new Pace.AsNeeded(12));
  }

  @Test
  void selfCorrectionRepairsWrongTokens() {
    int[] right = IntStream.range(20, 36).toArray();
    Predictor model = knowing(3, 7, 11);
    for (Algorithm algorithm : Algorithm.values()) {
      MaskedOptions plain = twelveSteps(algorithm);
      int[] without = model.run(MaskedDiffusion.of(masks(16), bits(), plain, MASK)).last();
      MaskedOptions correcting = plain.withCorrection(new Remask(0.5, 8));
      Predictor.Run run = model.run(MaskedDiffusion.of(masks(16), bits(), correcting, MASK));
      assertArrayEquals(right, run.last(), algorithm.name());
      if (algorithm != Algorithm.RANDOM && algorithm != Algorithm.ORIGIN) {
        assertFalse(Arrays.equals(right, without), algorithm + " errs without correction");
      }
    }
  }

  @Test
  void selfCorrectionRepairsADraft() {
    int[] draft = IntStream.range(20, 36).toArray();
    draft[2] = 50;
    draft[9] = 51;
    draft[14] = 52; // fixed: must stay
    for (Algorithm algorithm : Algorithm.values()) {
      MaskedOptions o =
          twelveSteps(algorithm)
              .withBlockLength(algorithm.knowsBlocks() ? 8 : 0)
              .withCorrection(new Remask(0.5, 8));
      Predictor.Run run = knowing().run(MaskedDiffusion.of(draft, bits(0, 14), o, MASK));
      int[] expected = IntStream.range(20, 36).toArray();
      expected[14] = 52;
      assertArrayEquals(expected, run.last(), algorithm.name());
      long taken =
          run.revisions().stream()
              .flatMap(r -> r.changes().stream())
              .filter(Change.Remask.class::isInstance)
              .count();
      assertEquals(2, taken, algorithm.name());
    }
  }

  @Test
  void theLeastSureGoFirstWithinTheBudget() {
    int[] draft = {20, 21, 22, 23, 24, 25};
    double[] sure = {0.3, 0.1, 0.9, 0.1, 0.2, 0.5};
    Predictor model = (r, p, s) -> new Predictor.Guess(60, 0.5, 0, 0, sure[p]);
    MaskedOptions o = MaskedOptions.greedy(Algorithm.ENTROPY, 5).withCorrection(new Remask(0.5, 3));
    MaskedDiffusion process = MaskedDiffusion.of(draft, bits(), o, MASK);
    Revision first = model.step(process, new Predictions(), 0);
    assertEquals(
        List.of(
            new Change.Remask(1, 21, 0.1),
            new Change.Remask(3, 23, 0.1),
            new Change.Remask(4, 24, 0.2)),
        first.changes());
    model.run(process);
    assertArrayEquals(new int[] {20, 60, 22, 60, 60, 25}, process.canvas().tokens());
  }

  @Test
  void guidanceAndFixedPositionsReachTheScheduler() {
    MaskedOptions o = MaskedOptions.greedy(Algorithm.RANDOM, 3);
    MaskedDiffusion process = MaskedDiffusion.of(new int[] {4, MASK, 5, MASK}, bits(0, 2), o, MASK);
    assertEquals(0f, process.guidance());
    assertTrue(process.fixed(0) && process.fixed(2));
    assertFalse(process.fixed(1) || process.fixed(3));
  }
}
