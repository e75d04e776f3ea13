/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.GenerationRequest;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A way to write, with a name for the tables.
 *
 * @param request adds to a request what it says
 */
public record Decoding(String name, UnaryOperator<GenerationRequest.Builder> request) {
  /** The likeliest tokens: one a step, and for diffusion also all in so many steps. */
  public static List<Decoding> greedy(boolean causal, int... steps) {
    List<Decoding> out = new ArrayList<>();
    if (causal) {
      out.add(new Decoding("left to right", request -> request));
      return out;
    }
    for (int n : steps) {
      out.add(new Decoding(n + (n == 1 ? " step" : " steps"), request -> request.steps(n)));
    }
    return out;
  }

  /**
   * Tokens drawn at temperature 1: one a step, for diffusion in random order, all in so many steps.
   */
  public static List<Decoding> sampled(boolean causal, int... steps) {
    return greedy(causal, steps).stream()
        .map(
            greedy ->
                new Decoding(
                    greedy.name,
                    request -> {
                      GenerationRequest.Builder said = greedy.request.apply(request).temperature(1);
                      return causal ? said : said.algorithm(Algorithm.RANDOM);
                    }))
        .toList();
  }
}
