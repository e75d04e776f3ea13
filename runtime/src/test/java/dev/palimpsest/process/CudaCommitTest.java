/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EmulatedDriver;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.cuda.CommitOnDevice;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Steps that the device takes for many canvases at once are those of {@link MaskedDiffusion}. */
@Tag("emulator")
class CudaCommitTest {
  private static final int VOCABULARY = 40;
  private static final int MASK = 39;

  /** A request that the host decodes, and its canvas on the device. */
  private static final class Request {
    final MaskedOptions options;
    final MaskedDiffusion process;
    final Predictor model;
    final BitSet fixed;
    int canvas;
    int block = -1;

    Request(MaskedOptions options, int[] row, BitSet fixed, Predictor model) {
      this.options = options;
      this.model = model;
      this.fixed = fixed;
      process = MaskedDiffusion.of(row, fixed, options, MASK);
    }

    boolean inBlock() {
      return !process.finished() && process.active().index() == block;
    }

    int[] written() {
      return IntStream.range(0, process.canvas().length()).filter(p -> !fixed.get(p)).toArray();
    }

    /** Puts the block that the process has come to on the device. */
    void enter(CommitOnDevice device, int budget) {
      block = process.active().index();
      int[] written = written();
      int length = options.blockLength() == 0 ? written.length : options.blockLength();
      int blocks = Math.ceilDiv(written.length, length);
      int[] own =
          Arrays.copyOfRange(
              written, block * length, Math.min(written.length, (block + 1) * length));
      int[] before =
          Arrays.stream(written).filter(p -> p < own[0] && process.canvas().masked(p)).toArray();
      int[] open = IntStream.concat(Arrays.stream(before), Arrays.stream(own)).toArray();
      int steps =
          switch (options.pace()) {
            case Pace.Steps(int total) -> total / blocks + (block < total % blocks ? 1 : 0);
            case Pace.TokensPerStep _ -> Integer.MAX_VALUE;
            case Pace.AsNeeded(int most) -> most;
          };
      int masked = (int) Arrays.stream(own).filter(process.canvas()::masked).count();
      MaskedOptions o =
          options.correction() instanceof Correction.Remask(double below, int _)
              ? options.withCorrection(new Correction.Remask(below, budget))
              : options;
      canvas =
          device.add(
              o,
              MASK,
              process.canvas().tokens(),
              open,
              before.length,
              steps,
              masked,
              process.step());
    }
  }

  private static MaskedOptions options(Algorithm algorithm, SplittableRandom random, int length) {
    if (!algorithm.countsSteps()) {
      return MaskedOptions.greedy(algorithm, new Pace.AsNeeded(1 + random.nextInt(length)));
    }
    return MaskedOptions.greedy(
        algorithm,
        algorithm != Algorithm.ORIGIN && random.nextInt(3) == 0
            ? new Pace.TokensPerStep(1 + random.nextInt(4))
            : new Pace.Steps(length + random.nextInt(4)));
  }

  private static Correction correction(SplittableRandom random) {
    return switch (random.nextInt(3)) {
      case 0 -> Correction.NONE;
      case 1 -> new Correction.Edit(random.nextInt(64) / 64.0);
      default -> new Correction.Remask(random.nextDouble(), random.nextInt(9));
    };
  }

  @Test
  void everyStepOfEveryRuleIsTheHosts() throws IOException {
    EmulatedDriver.required();
    try (CommitOnDevice device = new CommitOnDevice()) {
      SplittableRandom random = new SplittableRandom(5);
      for (int trial = 0; trial < 4; trial++) {
        List<Request> requests = new ArrayList<>();
        for (Algorithm algorithm : Algorithm.values()) {
          int length = 1 + random.nextInt(trial == 0 ? 140 : 16);
          MaskedOptions o = options(algorithm, random, length);
          boolean counts = !algorithm.countsSteps() || o.pace() instanceof Pace.Steps;
          if (counts && algorithm != Algorithm.ORIGIN) {
            o = o.withCorrection(correction(random));
          }
          if (algorithm.knowsBlocks() && random.nextBoolean()) {
            o = o.withBlockLength(Math.ceilDiv(length, 1 + random.nextInt(2)));
          }
          o = o.withSeed(random.nextLong());
          int[] row = new int[length + 5];
          Arrays.fill(row, 5, row.length, MASK);
          BitSet fixed = new BitSet();
          fixed.set(0, 5);
          // Something fixed between the masks, so that positions have gaps.
          if (length > 6) {
            fixed.set(8);
            row[8] = 1;
          }
          Predictor model = Predictor.hashing(random.nextLong(), VOCABULARY);
          if (random.nextBoolean()) {
            model = model.predictingMask(MASK, token -> token % 5 == 0);
          }
          requests.add(new Request(o, row, fixed, model));
        }
        run(device, requests, "trial " + trial);
      }
    }
  }

  /** Steps all requests, the device and the host side by side, until none is left. */
  private static void run(CommitOnDevice device, List<Request> requests, String what) {
    int[] budgets = new int[requests.size()];
    for (int r = 0; r < budgets.length; r++) {
      budgets[r] =
          requests.get(r).options.correction() instanceof Correction.Remask(double _, int n)
              ? n
              : 0;
    }
    while (requests.stream().anyMatch(r -> !r.process.finished())) {
      device.clear();
      List<Request> open = requests.stream().filter(r -> !r.process.finished()).toList();
      for (Request r : open) {
        r.enter(device, budgets[requests.indexOf(r)]);
      }
      // Until the block of each is over; whose is over waits for the others.
      for (int step = 0; open.stream().anyMatch(Request::inBlock); step++) {
        if (step > 20_000) {
          throw new AssertionError(what + " does not end");
        }
        Predictions all = new Predictions();
        all.resize(open.stream().mapToInt(r -> device.positions(r.canvas).length).sum());
        for (Request r : open) {
          int[] positions = device.positions(r.canvas);
          int[] row = r.process.canvas().tokens();
          for (int i = 0; i < positions.length; i++) {
            int entry = device.firstEntry(r.canvas) + i;
            Predictor.Guess g = r.model.guess(row, positions[i], r.process.step());
            all.set(entry, g.token(), g.confidence(), g.margin(), g.negativeEntropy());
            all.setPresentProbability(entry, g.present());
          }
        }
        device.step(all);
        for (Request r : open) {
          if (r.inBlock()) {
            String where = what + " " + r.options + " step " + r.process.step();
            r.model.step(r.process, new Predictions(), 0);
            assertArrayEquals(r.process.canvas().tokens(), device.tokens(r.canvas), where);
            assertEquals(!r.inBlock(), device.done(r.canvas), where);
            budgets[requests.indexOf(r)] = device.budget(r.canvas);
          }
        }
      }
    }
  }

  @Test
  void aBrokenPredictionStopsItsCanvasAlone() throws IOException {
    EmulatedDriver.required();
    try (CommitOnDevice device = new CommitOnDevice()) {
      MaskedOptions o = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 2);
      int[] row = {MASK, 3, MASK, MASK};
      int[] open = {0, 2, 3};
      int broken = device.add(o, MASK, row, open, 0, 2, 3, 0);
      int fine = device.add(o, MASK, row, open, 0, 2, 3, 0);
      Predictions p = new Predictions();
      p.resize(6);
      for (int i = 0; i < 6; i++) {
        p.set(i, 7 + i, 0.5, 0, 0);
      }
      device.step(p, 1, 2);
      assertArrayEquals(row, device.tokens(broken));
      assertTrue(device.done(broken));
      assertEquals(2, device.broken(broken), "1 + the first of them");
      // Equal scores: the lowest positions.
      assertArrayEquals(new int[] {10, 3, 11, MASK}, device.tokens(fine));
      assertFalse(device.done(fine));
      assertEquals(1, device.masked(fine));
      device.step(p);
      assertArrayEquals(row, device.tokens(broken), "left alone");
      assertArrayEquals(new int[] {10, 3, 11, 12}, device.tokens(fine));
      assertTrue(device.done(fine));
    }
  }
}
