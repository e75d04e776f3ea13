/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Puts questions to a model, many at a time. */
public final class Answers {
  private static final Duration PATIENCE = Duration.ofHours(1);

  private Answers() {}

  /**
   * The rows as the model completes them, those of a causal model, which knows what precedes a gap
   * alone, up to their gap's end; request i draws with seed i.
   */
  public static List<int[]> to(List<Question> questions, Engine engine, Decoding decoding) {
    List<Generation> running = new ArrayList<>();
    for (Question question : questions) {
      int[] row = question.row();
      GenerationRequest.Builder request = GenerationRequest.builder();
      if (question.from() > 0) {
        request.tokens(Arrays.copyOf(row, question.from()));
      }
      request.hole(question.to() - question.from());
      // A causal model sees nothing of what follows.
      if (question.to() < row.length && !engine.config().causal()) {
        request.tokens(Arrays.copyOfRange(row, question.to(), row.length));
      }
      request.plainTextOnly(true).seed(running.size());
      running.add(submit(engine, decoding.request().apply(request).build()));
    }
    return running.stream()
        .map(g -> g.result().join().tokens().stream().mapToInt(Integer::intValue).toArray())
        .toList();
  }

  /** Submits a request, waiting until there is room for it. */
  public static Generation submit(Engine engine, GenerationRequest request) {
    try {
      return engine.submit(request, PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while asking", e);
    }
  }

  /** Share of questions whose gap was filled as it was, in percent. */
  public static double exact(List<Question> questions, List<int[]> answers) {
    int right = 0;
    for (int i = 0; i < questions.size(); i++) {
      Question q = questions.get(i);
      right += Arrays.equals(q.row(), q.from(), q.to(), answers.get(i), q.from(), q.to()) ? 1 : 0;
    }
    return 100.0 * right / questions.size();
  }

  /** Share of the gaps' tokens that are the ones that were there, in percent. */
  public static double tokensRight(List<Question> questions, List<int[]> answers) {
    int right = 0;
    int all = 0;
    for (int i = 0; i < questions.size(); i++) {
      Question q = questions.get(i);
      for (int p = q.from(); p < q.to(); p++) {
        right += q.row()[p] == answers.get(i)[p] ? 1 : 0;
        all++;
      }
    }
    return 100.0 * right / all;
  }
}
