/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * The published decoding loops written down plainly, whole rows at a time, for one hole at the end
 * of a prompt: what the incremental implementation is compared with.
 */
final class ReferenceDecoders {
  private ReferenceDecoders() {}

  private static List<Integer> best(
      List<Integer> positions, ToDoubleFunction<Integer> score, int n) {
    return positions.stream()
        .sorted(Comparator.comparingDouble(score).reversed().thenComparing(p -> p))
        .limit(n)
        .toList();
  }

  private static List<Integer> where(int from, int to, Predicate<Integer> test) {
    return IntStream.range(from, to).boxed().filter(test).toList();
  }

  /** LLaDA: blocks, an even share of each block's masks per step. */
  static List<int[]> llada(
      int[] start, int prompt, int mask, int steps, int block, Long randomSeed, Predictor model) {
    List<int[]> rows = new ArrayList<>();
    int[] x = start.clone();
    int blocks = (x.length - prompt) / block;
    int perBlock = steps / blocks;
    int step = 0;
    for (int b = 0; b < blocks; b++) {
      int end = prompt + (b + 1) * block;
      int all = where(prompt + b * block, end, p -> x[p] == mask).size();
      for (int s = 0; s < perBlock; s++) {
        int n = all / perBlock + (s < all % perBlock ? 1 : 0);
        int[] seen = x.clone();
        int now = step++;
        List<Integer> eligible = where(prompt, end, p -> seen[p] == mask);
        ToDoubleFunction<Integer> score =
            p ->
                randomSeed == null
                    ? model.guess(seen, p, now).confidence()
                    : PositionNoise.uniform(randomSeed, now, p);
        for (int p : best(eligible, score, n)) {
          x[p] = model.guess(seen, p, now).token();
        }
        rows.add(x.clone());
      }
    }
    return rows;
  }

  /** Dream with algorithm temperature 0. */
  static List<int[]> dream(
      int[] start, int mask, int steps, ToDoubleFunction<Predictor.Guess> score, Predictor model) {
    List<int[]> rows = new ArrayList<>();
    int[] x = start.clone();
    double[] t = new double[steps + 1];
    for (int i = 0; i <= steps; i++) {
      t[i] = 1 - (1 - 1e-3) * i / steps;
    }
    for (int i = 0; i < steps; i++) {
      int now = i;
      int[] seen = x.clone();
      List<Integer> eligible = where(0, x.length, p -> seen[p] == mask);
      int n = i == steps - 1 ? eligible.size() : (int) (eligible.size() * (1 - t[i + 1] / t[i]));
      for (int p : best(eligible, q -> score.applyAsDouble(model.guess(seen, q, now)), n)) {
        x[p] = model.guess(seen, p, now).token();
      }
      rows.add(x.clone());
    }
    return rows;
  }
}
