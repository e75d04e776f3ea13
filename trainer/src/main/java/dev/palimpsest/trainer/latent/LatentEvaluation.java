/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.Diversity;
import dev.palimpsest.trainer.HeldOutExamples;
import dev.palimpsest.trainer.RowSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Measures a latent model on held-out files, every example drawn with a fixed seed. */
final class LatentEvaluation {
  /** Network calls at which everything is measured. */
  static final List<Integer> STEPS = List.of(1, 2, 4, 8, 16, 64);

  private static final int CHUNK = 16;

  /**
   * How many examples of each kind.
   *
   * @param rows of each noise level
   */
  record Size(int rows, int infills, int methods) {}

  /**
   * The losses between two noise levels.
   *
   * @param from lower end in ln(alpha / sigma)
   * @param to upper end
   * @param code nats of a code
   * @param token nats of a token, through the decoder
   * @param right share of positions whose most likely codes are right
   */
  record Bin(double from, double to, double code, double token, double right) {}

  /** Holes of one kind at a number of network calls. */
  record Infill(String kind, int steps, int examples, double exact, double similarity) {}

  /**
   * Methods completed from their signature.
   *
   * @param entropy of the written tokens, in nats
   * @param distinct share of written pairs of tokens that are there once only
   */
  record Completion(
      int steps,
      int examples,
      double closed,
      double accepted,
      double similarity,
      double entropy,
      double distinct) {}

  /** What was written, unedited. */
  record Sample(String title, String text) {}

  record Result(
      Gates gates,
      List<Bin> bins,
      List<Infill> infills,
      List<Completion> completions,
      Completion original,
      List<Sample> samples,
      double seconds) {}

  private final Autoencoder autoencoder;
  private final HybridNetwork network;
  private final LatentSampler sampler;
  private final HeldOutExamples examples;
  private final RowSource heldOut;
  private final LatentSampler.Plan plan;

  /**
   * @param quantiles of the training's noise levels
   * @param plan how to sample, but for the number of calls
   */
  LatentEvaluation(
      Autoencoder autoencoder,
      HybridNetwork network,
      double[] quantiles,
      LatentSampler.Plan plan,
      HeldOutExamples examples,
      RowSource heldOut) {
    this.autoencoder = autoencoder;
    this.network = network;
    this.sampler = new LatentSampler(network, autoencoder, quantiles);
    this.examples = examples;
    this.heldOut = heldOut;
    this.plan = plan;
  }

  Result run(Size size) {
    long start = System.nanoTime();
    int length = network.shape().length();
    int[] all =
        AutoencoderTrainer.tokens(heldOut.tokens(), Math.toIntExact(heldOut.tokens().length()));
    Gates gates = AutoencoderTrainer.measure(autoencoder, length, all, new int[0]);
    List<Bin> bins = bins(size.rows());
    List<Infill> infills = new ArrayList<>();
    List<Completion> completions = new ArrayList<>();
    List<HeldOutExamples.Method> tasks = methods(size.methods());
    for (int steps : STEPS) {
      infills.add(infill("1 token", steps, size.infills(), 1, 101));
      infills.add(infill("8 tokens", steps, size.infills(), 8, 102));
      infills.add(infill("one line", steps, size.infills(), 0, 103));
      completions.add(completion(steps, tasks));
    }
    return new Result(
        gates,
        bins,
        infills,
        completions,
        original(tasks),
        samples(),
        (System.nanoTime() - start) / 1e9);
  }

  /** Methods that can be completed in half of a row. */
  List<HeldOutExamples.Method> methods(int count) {
    return examples.methods(count, network.shape().length() / 2);
  }

  private LatentSampler.Plan plan(int steps) {
    return plan.withSteps(steps);
  }

  /**
   * The losses by noise level, a first prediction fed back.
   *
   * @param rows of each level
   */
  List<Bin> bins(int rows) {
    double[] ends = LatentTrainer.BIN_ENDS;
    LatentPath path = network.shape().path();
    LatentLoss loss =
        new LatentLoss(LatentSettings.measuring(network.shape()), network, autoencoder);
    List<Bin> bins = new ArrayList<>();
    for (int b = 0; b <= ends.length; b++) {
      double from = b == 0 ? ends[0] - 1.5 : ends[b - 1];
      double to = b == ends.length ? ends[b - 1] + 1.5 : ends[b];
      double[] sums = new double[4];
      double[] counts = new double[4];
      double right = 0;
      double noise = 0;
      for (int at = 0; at < rows; at += CHUNK) {
        int n = Math.min(CHUNK, rows - at);
        SplittableRandom random = RowSource.random(0xca4d, (long) b * rows + at);
        float[] times = new float[n];
        for (int r = 0; r < n; r++) {
          times[r] = (float) path.timeOf(from + (to - from) * (r + 0.5) / n);
        }
        LatentBatch batch =
            LatentBatch.draw(LatentSettings.measuring(network.shape()), heldOut, random, times);
        boolean[] decoded = new boolean[n];
        Arrays.fill(decoded, true);
        LatentLoss.Part part =
            loss.of(
                batch,
                LatentLoss.Totals.of(batch, decoded),
                true,
                decoded,
                false,
                Optional.empty());
        for (int k = 0; k < 4; k++) {
          sums[k] += Arrays.stream(part.sums()[k]).sum();
          counts[k] += Arrays.stream(part.counts()[k]).sum();
        }
        right += Arrays.stream(part.right()).sum();
        noise += Arrays.stream(part.noise()).sum();
      }
      int code = LatentLoss.Kind.CODE.ordinal();
      int token = LatentLoss.Kind.TOKEN.ordinal();
      bins.add(
          new Bin(from, to, sums[code] / counts[code], sums[token] / counts[token], right / noise));
    }
    return bins;
  }

  /**
   * Holes of one kind.
   *
   * @param tokens of a hole; 0 for one line
   */
  Infill infill(String kind, int steps, int count, int tokens, long seed) {
    List<HeldOutExamples.Hole> holes = examples.holes(count, tokens, seed);
    List<int[]> rows = new ArrayList<>();
    List<boolean[]> open = new ArrayList<>();
    for (HeldOutExamples.Hole hole : holes) {
      rows.add(hole.truth().clone());
      boolean[] own = new boolean[hole.truth().length];
      Arrays.fill(own, hole.from(), hole.from() + hole.size(), true);
      open.add(own);
    }
    sampler.fill(rows, open, plan(steps), seed, CHUNK);
    HeldOutExamples.Match match = examples.match(holes, rows);
    return new Infill(kind, steps, holes.size(), match.exact(), match.similarity());
  }

  /** Completes methods in so many calls. */
  Completion completion(int steps, List<HeldOutExamples.Method> tasks) {
    int length = network.shape().length();
    List<int[]> rows = new ArrayList<>();
    List<boolean[]> open = new ArrayList<>();
    for (HeldOutExamples.Method task : tasks) {
      rows.add(Arrays.copyOf(task.prompt(), length));
      open.add(LatentSampler.from(length, task.prompt().length));
    }
    sampler.fill(rows, open, plan(steps), 7, CHUNK);
    List<int[]> written = new ArrayList<>();
    for (int[] row : rows) {
      written.add(Arrays.copyOfRange(row, length / 2, length));
    }
    return completion(steps, tasks, written);
  }

  private Completion completion(
      int steps, List<HeldOutExamples.Method> tasks, List<int[]> written) {
    HeldOutExamples.Verdict v = examples.judge(tasks, written);
    Diversity d = Diversity.of(written);
    return new Completion(
        steps, tasks.size(), v.closed(), v.accepted(), v.similarity(), d.entropy(), d.distinct());
  }

  /** The originals, cut to the same canvas: what a perfect model would get. */
  private Completion original(List<HeldOutExamples.Method> tasks) {
    return completion(0, tasks, examples.originals(tasks));
  }

  private List<Sample> samples() {
    List<Sample> samples = new ArrayList<>();
    for (int steps : List.of(8, 64)) {
      samples.add(sample("public static int max(int[] values) {\n        ", 48, "", steps));
      samples.add(
          sample(
              "public static int sum(int[] values) {\n        int total = 0;\n        for (int i = 0; i < ",
              6,
              ") {\n            total += values[i];\n        }\n        return total;\n    }\n",
              steps));
      samples.add(
          sample(
              "public int indexOf(Object value) {\n        ",
              20,
              "\n                return i;\n            }\n        }\n        return -1;\n    }\n",
              steps));
    }
    return samples;
  }

  private Sample sample(String left, int tokens, String right, int steps) {
    int[] a = examples.encode(left);
    int[] b = examples.encode(right);
    int[] row = Arrays.copyOf(a, a.length + tokens + b.length);
    System.arraycopy(b, 0, row, a.length + tokens, b.length);
    boolean[] open = new boolean[row.length];
    Arrays.fill(open, a.length, a.length + tokens, true);
    List<int[]> rows = new ArrayList<>(List.of(row));
    sampler.fill(rows, List.of(open), plan(steps), 1, 1);
    String text = examples.decode(Arrays.copyOfRange(rows.getFirst(), a.length, a.length + tokens));
    return new Sample(
        (right.isEmpty() ? "completion of " : "infill of ")
            + tokens
            + " tokens in "
            + steps
            + " steps",
        left + "⟦" + text + "⟧" + right);
  }
}
