/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Measures a denoiser on held-out files beside a 5-gram model of the same training split. Every
 * example is drawn with a fixed seed, and both see the same ones.
 */
final class Evaluation {
  /** Rows have the length of training. */
  static final int LENGTH = 192;

  static final int BEAM = 8;
  static final int COMPLETION_TOKENS = 96;

  /** How many examples of each kind. */
  record Size(int rowsPerLevel, int infills, int methods) {}

  /** Right and total tokens at one level of noise. */
  record Level(double level, int masked, double model, double ngram) {}

  /** Holes of one kind. */
  record Infill(
      String kind,
      int examples,
      double modelExact,
      double modelSimilarity,
      double ngramExact,
      double ngramSimilarity) {}

  /**
   * Methods completed from their signature.
   *
   * @param closed share whose braces close within the canvas
   * @param accepted share that closes and that the JDK's parser takes
   * @param similarity to the original method, in characters
   */
  record Completion(String how, int examples, double closed, double accepted, double similarity) {}

  /** A prompt and what was written for it, unedited. */
  record Sample(String title, String text) {}

  record Result(
      List<Level> levels,
      List<Infill> infills,
      List<Completion> completions,
      List<Sample> samples,
      double seconds) {}

  private final Denoiser network;
  private final NGramModel ngram;
  private final HeldOutExamples examples;
  private final Unmasking unmasking;
  private final int mask;
  private final int end;

  Evaluation(
      Denoiser network,
      NGramModel ngram,
      HuggingFaceTokenizer tokenizer,
      boolean[] startsLine,
      List<String> heldOut) {
    this.network = network;
    this.ngram = ngram;
    this.unmasking = new Unmasking(network, 16);
    this.mask = network.shape().maskId();
    this.end = network.shape().endId();
    this.examples = new HeldOutExamples(tokenizer, startsLine, heldOut, LENGTH, end);
  }

  private String decode(int[] ids) {
    return examples.decode(ids);
  }

  Result run(Size size) {
    long start = System.nanoTime();
    List<Level> levels = levels(size.rowsPerLevel());
    List<Infill> infills =
        List.of(
            infill("1 token", size.infills(), 1, 101),
            infill("8 tokens", size.infills(), 8, 102),
            infill("one line", size.infills(), 0, 103));
    List<Completion> completions = completions(size.methods());
    List<Sample> samples = samples();
    return new Result(levels, infills, completions, samples, (System.nanoTime() - start) / 1e9);
  }

  private List<Level> levels(int rows) {
    List<Level> levels = new ArrayList<>();
    for (int tenth = 1; tenth <= 9; tenth++) {
      Random random = new Random(1000 + tenth);
      int total = 0;
      int model = 0;
      int baseline = 0;
      for (int r = 0; r < rows; r++) {
        int[] truth = examples.crop(random);
        int[] noisy = truth.clone();
        int[] positions = new int[LENGTH];
        int n = 0;
        for (int i = 0; i < LENGTH; i++) {
          if (random.nextInt(10) < tenth) {
            noisy[i] = mask;
            positions[n++] = i;
          }
        }
        positions = Arrays.copyOf(positions, n);
        for (Unmasking.Guess g : unmasking.guess(noisy, 1, positions, false)) {
          model += g.token() == truth[g.position()] ? 1 : 0;
        }
        // The 5-gram reads from the left; where its context is masked it uses what it wrote itself.
        int[] written = noisy.clone();
        for (int i : positions) {
          written[i] =
              best(ngram.next(Arrays.copyOfRange(written, Math.max(0, i - 4), i), Math.min(4, i)));
          baseline += written[i] == truth[i] ? 1 : 0;
        }
        total += n;
      }
      levels.add(new Level(tenth / 10.0, total, (double) model / total, (double) baseline / total));
    }
    return levels;
  }

  private int best(double[] p) {
    p[end] = 0;
    int best = 0;
    for (int w = 1; w < p.length; w++) {
      best = p[w] > p[best] ? w : best;
    }
    return best;
  }

  private Infill infill(String kind, int count, int tokens, long seed) {
    List<HeldOutExamples.Hole> holes = examples.holes(count, tokens, seed);
    int found = holes.size();
    double modelExact = 0;
    double modelSimilarity = 0;
    double ngramExact = 0;
    double ngramSimilarity = 0;
    for (int from = 0; from < found; from += 16) {
      List<HeldOutExamples.Hole> part = holes.subList(from, Math.min(found, from + 16));
      List<int[]> canvases = new ArrayList<>();
      for (HeldOutExamples.Hole hole : part) {
        int[] canvas = hole.truth().clone();
        Arrays.fill(canvas, hole.from(), hole.from() + hole.size(), mask);
        canvases.add(canvas);
      }
      int largest = part.stream().mapToInt(HeldOutExamples.Hole::size).max().orElse(1);
      unmasking.fill(canvases, Math.min(10, largest), 1, false);
      for (int i = 0; i < part.size(); i++) {
        HeldOutExamples.Hole hole = part.get(i);
        String truth = examples.slice(hole.truth(), hole);
        String model = examples.slice(canvases.get(i), hole);
        int[] left = Arrays.copyOfRange(hole.truth(), 0, hole.from());
        int[] right =
            Arrays.copyOfRange(hole.truth(), hole.from() + hole.size(), hole.truth().length);
        String baseline = decode(ngram.fill(left, hole.size(), right, BEAM, end));
        modelExact += model.equals(truth) ? 1 : 0;
        modelSimilarity += EditSimilarity.of(model, truth);
        ngramExact += baseline.equals(truth) ? 1 : 0;
        ngramSimilarity += EditSimilarity.of(baseline, truth);
      }
    }
    return new Infill(
        kind,
        found,
        modelExact / found,
        modelSimilarity / found,
        ngramExact / found,
        ngramSimilarity / found);
  }

  private List<Completion> completions(int count) {
    List<HeldOutExamples.Method> tasks = examples.methods(count, COMPLETION_TOKENS);
    List<Completion> rows = new ArrayList<>();
    Map<String, int[]> ways = new LinkedHashMap<>();
    ways.put("this model, 10 steps", new int[] {10, 1});
    ways.put("this model, 48 steps in 6 blocks", new int[] {48, 6});
    for (var way : ways.entrySet()) {
      List<int[]> written = new ArrayList<>();
      List<int[]> canvases = new ArrayList<>();
      for (HeldOutExamples.Method task : tasks) {
        int[] canvas = Arrays.copyOf(task.prompt(), LENGTH);
        Arrays.fill(canvas, LENGTH - COMPLETION_TOKENS, LENGTH, mask);
        canvases.add(canvas);
      }
      unmasking.fill(canvases, way.getValue()[0], way.getValue()[1], true);
      for (int[] canvas : canvases) {
        written.add(Arrays.copyOfRange(canvas, LENGTH - COMPLETION_TOKENS, LENGTH));
      }
      rows.add(judge(way.getKey(), tasks, written));
    }
    for (double temperature : new double[] {0, 0.7}) {
      Random random = new Random(11);
      List<int[]> written = new ArrayList<>();
      for (HeldOutExamples.Method task : tasks) {
        int n = task.prompt().length;
        int[] row = Arrays.copyOf(task.prompt(), n + COMPLETION_TOKENS);
        for (int i = n; i < row.length; i++) {
          int[] context = Arrays.copyOfRange(row, Math.max(0, i - 4), i);
          row[i] = draw(ngram.next(context, context.length), temperature, random);
        }
        written.add(Arrays.copyOfRange(row, n, row.length));
      }
      rows.add(
          judge(
              temperature == 0 ? "5-gram, greedy" : "5-gram, temperature " + temperature,
              tasks,
              written));
    }
    return rows;
  }

  private static int draw(double[] p, double temperature, Random random) {
    int best = 0;
    double sum = 0;
    for (int w = 0; w < p.length; w++) {
      best = p[w] > p[best] ? w : best;
      if (temperature > 0) {
        p[w] = Math.pow(p[w], 1 / temperature);
        sum += p[w];
      }
    }
    if (temperature == 0) {
      return best;
    }
    double u = random.nextDouble() * sum;
    for (int w = 0; w < p.length; w++) {
      u -= p[w];
      if (u <= 0) {
        return w;
      }
    }
    return best;
  }

  private Completion judge(String how, List<HeldOutExamples.Method> tasks, List<int[]> written) {
    HeldOutExamples.Verdict v = examples.judge(tasks, written);
    return new Completion(how, tasks.size(), v.closed(), v.accepted(), v.similarity());
  }

  private List<Sample> samples() {
    return List.of(
        complete("public boolean isEmpty() {\n        return ", 8, 8, 1),
        complete("public static int max(int[] values) {\n        ", 48, 10, 1),
        complete(
            "public static String join(List<String> parts, String separator) {\n"
                + "        StringBuilder ",
            64,
            32,
            4),
        infillSample(
            "public static int sum(int[] values) {\n        int total = 0;\n        for (int i = 0; i < ",
            6,
            ") {\n            total += values[i];\n        }\n        return total;\n    }\n",
            6),
        infillSample(
            "public int indexOf(Object value) {\n        ",
            20,
            "\n                return i;\n            }\n        }\n        return -1;\n    }\n",
            10));
  }

  private Sample complete(String prompt, int tokens, int steps, int blocks) {
    int[] given = examples.encode(prompt);
    int[] canvas = Arrays.copyOf(given, given.length + tokens);
    Arrays.fill(canvas, given.length, canvas.length, mask);
    unmasking.fill(List.of(canvas), steps, blocks, false);
    String text = decode(Arrays.copyOfRange(canvas, given.length, canvas.length));
    String how = "completion of " + tokens + " tokens in " + steps + " steps";
    return new Sample(
        blocks == 1 ? how : how + ", " + blocks + " blocks", prompt + "⟦" + text + "⟧");
  }

  private Sample infillSample(String left, int tokens, String right, int steps) {
    int[] a = examples.encode(left);
    int[] b = examples.encode(right);
    int[] canvas = Arrays.copyOf(a, a.length + tokens + b.length);
    Arrays.fill(canvas, a.length, a.length + tokens, mask);
    System.arraycopy(b, 0, canvas, a.length + tokens, b.length);
    unmasking.fill(List.of(canvas), steps, 1, false);
    String text = decode(Arrays.copyOfRange(canvas, a.length, a.length + tokens));
    return new Sample(
        "infill of " + tokens + " tokens in " + steps + " steps", left + "⟦" + text + "⟧" + right);
  }
}
