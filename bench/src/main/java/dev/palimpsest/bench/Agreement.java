/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.llamacpp.Predicted;
import dev.palimpsest.process.Change;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Whether a peer would have written what we have written. It is given our canvas at every step, so
 * that one difference does not make all that follow; if every step agrees, so do the whole traces.
 *
 * @param steps compared
 * @param equalSteps of them in which the same tokens would be committed at the same positions
 * @param tokens that we committed in those steps
 * @param equalTokens of them that the peer would have committed too
 */
record Agreement(int steps, int equalSteps, int tokens, int equalTokens) {
  static final Agreement NONE = new Agreement(0, 0, 0, 0);

  /**
   * With one more step.
   *
   * @param predicted by the peer at the step's masked positions
   */
  Agreement and(TracedStep step, Predicted predicted, int maskToken) {
    Map<Integer, Integer> theirs = surest(step, predicted, maskToken);
    Map<Integer, Integer> ours = new HashMap<>();
    step.commits().forEach(commit -> ours.put(commit.position(), commit.token()));
    long same =
        step.commits().stream()
            .filter(c -> Integer.valueOf(c.token()).equals(theirs.get(c.position())))
            .count();
    return new Agreement(
        steps + 1,
        equalSteps + (ours.equals(theirs) ? 1 : 0),
        tokens + ours.size(),
        equalTokens + (int) same);
  }

  /** As many of the surest predictions as we committed, by position; ties go to the lowest. */
  private static Map<Integer, Integer> surest(TracedStep step, Predicted predicted, int maskToken) {
    List<Change.Commit> commits = step.commits();
    return IntStream.range(0, step.masked().length)
        .filter(i -> predicted.tokens()[i] != maskToken)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -predicted.confidences()[i]))
        .limit(commits.size())
        .collect(Collectors.toMap(i -> step.masked()[i], i -> predicted.tokens()[i]));
  }

  /** For people. */
  String description() {
    return equalSteps
        + " of "
        + steps
        + " steps and "
        + equalTokens
        + " of "
        + tokens
        + " tokens the same";
  }
}
