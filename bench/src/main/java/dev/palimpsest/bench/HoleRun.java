/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.IntConsumer;

/** Lets an engine write a list of holes in one way, and judges what it wrote. */
final class HoleRun {
  /**
   * What came of it, hole by hole.
   *
   * @param exact 1 where every token is the true one
   * @param right true tokens
   * @param tokens tokens that could be right; 0 where their number says nothing
   * @param parses 1 where the file with the hole written is accepted
   * @param forwards network calls
   * @param written tokens written
   * @param seconds for all of them
   */
  record Scores(
      double[] exact,
      double[] right,
      double[] tokens,
      double[] parses,
      double[] forwards,
      double[] written,
      double seconds) {}

  private final Engine engine;
  private final JavaSyntax syntax;
  private final int together;

  /**
   * @param together requests running at a time
   */
  HoleRun(Engine engine, JavaSyntax syntax, int together) {
    this.engine = engine;
    this.syntax = syntax;
    this.together = together;
  }

  /** Writes all holes; {@code progress} learns how many are done. */
  Scores run(List<HoleItem> items, QualityConfig config, IntConsumer progress) {
    Semaphore room = new Semaphore(together);
    List<Generation> running = new ArrayList<>();
    long began = System.nanoTime();
    for (int i = 0; i < items.size(); i++) {
      HoleItem item = items.get(i);
      room.acquireUninterruptibly();
      Generation generation =
          engine.submit(config.apply(item.request(), item.tokens()).seed(i).build());
      generation.result().whenComplete((result, failure) -> room.release());
      running.add(generation);
      progress.accept(i + 1);
    }
    List<GenerationResult> results = running.stream().map(g -> g.result().join()).toList();
    double seconds = (System.nanoTime() - began) / 1e9;
    int n = items.size();
    Scores scores =
        new Scores(
            new double[n],
            new double[n],
            new double[n],
            new double[n],
            new double[n],
            new double[n],
            seconds);
    for (int i = 0; i < n; i++) {
      judge(items.get(i), results.get(i), scores, i);
    }
    return scores;
  }

  private void judge(HoleItem item, GenerationResult result, Scores scores, int i) {
    int from = item.before().length;
    int[] written =
        result.tokens().subList(from, from + item.tokens()).stream()
            .mapToInt(Integer::intValue)
            .toArray();
    for (int t = 0; t < item.truth().length; t++) {
      scores.right[i] += written[t] == item.truth()[t] ? 1 : 0;
    }
    scores.tokens[i] = item.truth().length;
    scores.exact[i] = scores.right[i] == scores.tokens[i] ? 1 : 0;
    Optional<String> text = text(item, written);
    scores.parses[i] =
        text.filter(t -> syntax.accepts(item.head() + t + item.tail())).isPresent() ? 1 : 0;
    scores.forwards[i] = result.networkCalls();
    scores.written[i] = result.newTokens();
  }

  /** What is to stand in the file; empty for a method that is never closed. */
  private Optional<String> text(HoleItem item, int[] written) {
    if (item.truth().length > 0) {
      return Optional.of(engine.tokenizer().decode(written, false));
    }
    int n = 0;
    while (n < written.length && written[n] != engine.config().endToken()) {
      n++;
    }
    return JavaSyntax.untilClosed(
        engine.tokenizer().decode(java.util.Arrays.copyOf(written, n), false));
  }
}
