/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  private final HuggingFaceTokenizer tokenizer;
  private final boolean[] startsLine;
  private final List<String> files;
  private final List<int[]> documents = new ArrayList<>();
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
    this.tokenizer = tokenizer;
    this.startsLine = startsLine;
    this.files = heldOut;
    this.unmasking = new Unmasking(network, 16);
    this.mask = network.shape().maskId();
    this.end = network.shape().endId();
    for (String file : heldOut) {
      int[] ids = encode(file);
      if (ids.length >= LENGTH) {
        documents.add(ids);
      }
    }
    if (documents.isEmpty()) {
      throw new IllegalArgumentException(
          "no held-out file has " + LENGTH + " tokens; take more libraries into the corpus");
    }
  }

  private int[] encode(String text) {
    return Arrays.stream(tokenizer.encode(text, false, false).getIds())
        .mapToInt(i -> (int) i)
        .toArray();
  }

  private String decode(int[] ids) {
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), true);
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

  private int[] crop(Random random) {
    int[] document = documents.get(random.nextInt(documents.size()));
    int from = random.nextInt(document.length - LENGTH + 1);
    return Arrays.copyOfRange(document, from, from + LENGTH);
  }

  private List<Level> levels(int rows) {
    List<Level> levels = new ArrayList<>();
    for (int tenth = 1; tenth <= 9; tenth++) {
      Random random = new Random(1000 + tenth);
      int total = 0;
      int model = 0;
      int baseline = 0;
      for (int r = 0; r < rows; r++) {
        int[] truth = crop(random);
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

  /** A canvas with one hole. */
  private record Hole(int[] truth, int from, int size) {}

  private Infill infill(String kind, int examples, int tokens, long seed) {
    Random random = new Random(seed);
    List<Hole> holes = new ArrayList<>();
    for (int tries = 0; holes.size() < examples && tries < 100 * examples; tries++) {
      int[] truth = crop(random);
      if (tokens > 0) {
        holes.add(new Hole(truth, 32 + random.nextInt(LENGTH - 64 - tokens), tokens));
      } else {
        line(truth, random).ifPresent(holes::add);
      }
    }
    int found = holes.size();
    double modelExact = 0;
    double modelSimilarity = 0;
    double ngramExact = 0;
    double ngramSimilarity = 0;
    for (int from = 0; from < found; from += 16) {
      List<Hole> part = holes.subList(from, Math.min(found, from + 16));
      List<int[]> canvases = new ArrayList<>();
      for (Hole hole : part) {
        int[] canvas = hole.truth().clone();
        Arrays.fill(canvas, hole.from(), hole.from() + hole.size(), mask);
        canvases.add(canvas);
      }
      int largest = part.stream().mapToInt(Hole::size).max().orElse(1);
      unmasking.fill(canvases, Math.min(10, largest), 1, false);
      for (int i = 0; i < part.size(); i++) {
        Hole hole = part.get(i);
        String truth = slice(hole.truth(), hole);
        String model = slice(canvases.get(i), hole);
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

  private String slice(int[] canvas, Hole hole) {
    return decode(Arrays.copyOfRange(canvas, hole.from(), hole.from() + hole.size()));
  }

  /** A line of 3 to 24 tokens with at least 32 on either side, its indentation left in place. */
  private Optional<Hole> line(int[] truth, Random random) {
    List<Hole> lines = new ArrayList<>();
    int last = -1;
    for (int i = 0; i < truth.length; i++) {
      if (startsLine[truth[i]]) {
        int size = i - last - 1;
        if (last >= 31 && i < truth.length - 32 && size >= 3 && size <= 24) {
          lines.add(new Hole(truth, last + 1, size));
        }
        last = i;
      }
    }
    return lines.isEmpty()
        ? Optional.empty()
        : Optional.of(lines.get(random.nextInt(lines.size())));
  }

  /** A held-out method: what is shown of the file up to its first line, and the whole of it. */
  private record Task(int[] prompt, String head, String method) {}

  private List<Task> methodTasks(int examples) {
    JavaMethods parser = new JavaMethods();
    List<Task> tasks = new ArrayList<>();
    for (String file : files) {
      for (JavaMethods.Method m : parser.methods(file)) {
        String method = file.substring(m.start(), m.end());
        String head = file.substring(m.start(), m.body() + 1);
        int size = encode(method.substring(head.length())).length;
        if (size < 12 || size > COMPLETION_TOKENS || encode(head).length > 48) {
          continue;
        }
        int[] shown = encode(file.substring(0, m.body() + 1));
        int keep = LENGTH - COMPLETION_TOKENS;
        if (shown.length < keep) {
          continue;
        }
        tasks.add(
            new Task(Arrays.copyOfRange(shown, shown.length - keep, shown.length), head, method));
      }
    }
    Collections.shuffle(tasks, new Random(7));
    return tasks.subList(0, Math.min(examples, tasks.size()));
  }

  private List<Completion> completions(int examples) {
    List<Task> tasks = methodTasks(examples);
    List<Completion> rows = new ArrayList<>();
    Map<String, int[]> ways = new LinkedHashMap<>();
    ways.put("this model, 10 steps", new int[] {10, 1});
    ways.put("this model, 48 steps in 6 blocks", new int[] {48, 6});
    for (var way : ways.entrySet()) {
      List<int[]> written = new ArrayList<>();
      List<int[]> canvases = new ArrayList<>();
      for (Task task : tasks) {
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
      for (Task task : tasks) {
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

  private Completion judge(String how, List<Task> tasks, List<int[]> written) {
    JavaMethods parser = new JavaMethods();
    int closed = 0;
    int accepted = 0;
    double similarity = 0;
    for (int i = 0; i < tasks.size(); i++) {
      Task task = tasks.get(i);
      String text = task.head() + untilEnd(written.get(i));
      Optional<String> whole = JavaMethods.closed(text);
      closed += whole.isPresent() ? 1 : 0;
      accepted += whole.filter(parser::accepts).isPresent() ? 1 : 0;
      similarity +=
          EditSimilarity.of(
              whole.orElse(text).substring(task.head().length()),
              task.method().substring(task.head().length()));
    }
    double n = tasks.size();
    return new Completion(how, tasks.size(), closed / n, accepted / n, similarity / n);
  }

  private String untilEnd(int[] ids) {
    int n = 0;
    while (n < ids.length && ids[n] != end) {
      n++;
    }
    return decode(Arrays.copyOf(ids, n));
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
    int[] given = encode(prompt);
    int[] canvas = Arrays.copyOf(given, given.length + tokens);
    Arrays.fill(canvas, given.length, canvas.length, mask);
    unmasking.fill(List.of(canvas), steps, blocks, false);
    String text = decode(Arrays.copyOfRange(canvas, given.length, canvas.length));
    String how = "completion of " + tokens + " tokens in " + steps + " steps";
    return new Sample(
        blocks == 1 ? how : how + ", " + blocks + " blocks", prompt + "⟦" + text + "⟧");
  }

  private Sample infillSample(String left, int tokens, String right, int steps) {
    int[] a = encode(left);
    int[] b = encode(right);
    int[] canvas = Arrays.copyOf(a, a.length + tokens + b.length);
    Arrays.fill(canvas, a.length, a.length + tokens, mask);
    System.arraycopy(b, 0, canvas, a.length + tokens, b.length);
    unmasking.fill(List.of(canvas), steps, 1, false);
    String text = decode(Arrays.copyOfRange(canvas, a.length, a.length + tokens));
    return new Sample(
        "infill of " + tokens + " tokens in " + steps + " steps", left + "⟦" + text + "⟧" + right);
  }
}
