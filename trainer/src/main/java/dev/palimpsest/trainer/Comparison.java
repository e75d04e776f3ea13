/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.Engine;
import dev.palimpsest.trainer.study.Answers;
import dev.palimpsest.trainer.study.Decoding;
import dev.palimpsest.trainer.study.Question;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Asks models of any kind for the same held-out holes and methods, through the runtime. A causal
 * model gets what precedes a hole, the others what follows it, too.
 */
final class Comparison {
  private static final int WARMUP = 16;

  /**
   * How much is asked.
   *
   * @param holes of each kind
   * @param methods to complete
   */
  record Size(int holes, int methods) {}

  /** What came of the holes of one kind. */
  record Infill(String hole, double exact, double similarity) {}

  /**
   * What came of one way to write.
   *
   * @param model as it was named
   * @param written in how many steps, or left to right
   * @param completion of methods
   * @param diversity of what was written to complete them
   * @param tokensPerSecond while completing; 0 where nothing was written
   */
  record Row(
      String model,
      String written,
      List<Infill> infills,
      HeldOutExamples.Verdict completion,
      Diversity diversity,
      double tokensPerSecond) {}

  private final HeldOutExamples examples;
  private final int length;
  private final Map<String, List<HeldOutExamples.Hole>> holes = new LinkedHashMap<>();
  private final List<HeldOutExamples.Method> methods;

  /**
   * @param length tokens of the examples' canvases
   * @throws IllegalArgumentException if the texts have no such places
   */
  Comparison(HeldOutExamples examples, int length, Size size) {
    this.examples = examples;
    this.length = length;
    holes.put("1 token", examples.holes(size.holes(), 1, 101));
    holes.put("8 tokens", examples.holes(size.holes(), 8, 102));
    holes.put("one line", examples.holes(size.holes(), 0, 103));
    methods = examples.methods(size.methods(), completionTokens());
    if (methods.isEmpty() || holes.values().stream().anyMatch(List::isEmpty)) {
      throw new IllegalArgumentException(
          "the held-out files have no line or no method that fits --length "
              + length
              + "; take more files or another length");
    }
  }

  /** Tokens that a completion may have. */
  private int completionTokens() {
    return length / 2;
  }

  /**
   * Asks one model.
   *
   * @param steps numbers of network calls to write in, but for causal models
   */
  List<Row> measure(String model, Engine engine, List<Integer> steps, PrintStream progress) {
    List<Row> rows = new ArrayList<>();
    warm(engine);
    for (Decoding decoding : Decoding.each(engine, steps)) {
      progress.println(model + ", " + decoding.name());
      List<Infill> infills = new ArrayList<>();
      holes.forEach((kind, some) -> infills.add(infill(kind, some, engine, decoding)));
      long began = System.nanoTime();
      List<int[]> answers =
          Answers.to(methods.stream().map(this::question).toList(), engine, decoding);
      double seconds = (System.nanoTime() - began) / 1e9;
      List<int[]> written =
          answers.stream()
              .map(row -> Arrays.copyOfRange(row, length - completionTokens(), length))
              .toList();
      rows.add(
          new Row(
              model,
              decoding.name(),
              infills,
              examples.judge(methods, written),
              Diversity.of(written),
              methods.size() * completionTokens() / seconds));
    }
    return rows;
  }

  /** What is run for the first time is slow. */
  private void warm(Engine engine) {
    List<HeldOutExamples.Method> some = methods.subList(0, Math.min(WARMUP, methods.size()));
    Answers.to(
        some.stream().map(this::question).toList(),
        engine,
        Decoding.each(engine, List.of(2)).getFirst());
  }

  private Infill infill(
      String kind, List<HeldOutExamples.Hole> some, Engine engine, Decoding decoding) {
    List<Question> questions =
        some.stream().map(h -> new Question(h.truth(), h.from(), h.from() + h.size())).toList();
    HeldOutExamples.Match match = examples.match(some, Answers.to(questions, engine, decoding));
    return new Infill(kind, match.exact(), match.similarity());
  }

  private Question question(HeldOutExamples.Method method) {
    return new Question(Arrays.copyOf(method.prompt(), length), method.prompt().length, length);
  }

  /** What was measured, with its conditions. */
  ComparisonReport report(String conditions, List<Row> rows) {
    int least = holes.values().stream().mapToInt(List::size).min().orElseThrow();
    return new ComparisonReport(
        conditions, least, methods.size(), completionTokens(), rows, originals());
  }

  /** What a perfect model would get. */
  private Row originals() {
    List<int[]> originals = examples.originals(methods);
    return new Row(
        "originals",
        "",
        holes.keySet().stream().map(kind -> new Infill(kind, 1, 1)).toList(),
        examples.judge(methods, originals),
        Diversity.of(originals),
        0);
  }
}
