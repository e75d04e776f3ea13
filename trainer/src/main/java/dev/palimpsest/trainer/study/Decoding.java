/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * A way to write, with a name for the tables.
 *
 * @param request adds to a request what it says
 */
public record Decoding(String name, UnaryOperator<GenerationRequest.Builder> request) {
  /** Numbers of calls that a latent model is asked at beside those of the others. */
  private static final List<Integer> LATENT_CALLS = List.of(1, 2, 4, 8, 16);

  /**
   * The likeliest tokens: one a step, and for diffusion also all in so many steps. A latent model
   * revises all positions in every step, so that it is asked in more steps than there are tokens,
   * too; what is likeliest to it follows from its noise.
   */
  public static List<Decoding> greedy(Engine engine, int... steps) {
    Set<Integer> numbers = new TreeSet<>(Arrays.stream(steps).boxed().toList());
    if (engine.latent().isPresent()) {
      numbers.addAll(LATENT_CALLS);
    }
    return each(engine, numbers);
  }

  /** As the model writes when nothing else is said, in each of some numbers of steps. */
  public static List<Decoding> each(Engine engine, Collection<Integer> steps) {
    if (engine.config().causal()) {
      return List.of(new Decoding("left to right", request -> request));
    }
    return steps.stream()
        .map(n -> new Decoding(n + (n == 1 ? " step" : " steps"), request -> request.steps(n)))
        .toList();
  }

  /**
   * Drawn at temperature 1: tokens one a step, for masked diffusion in random order, all in so many
   * steps; for latent diffusion codes.
   */
  public static List<Decoding> sampled(Engine engine, int... steps) {
    boolean masks = !engine.config().causal() && engine.latent().isEmpty();
    return greedy(engine, steps).stream()
        .map(
            greedy ->
                new Decoding(
                    greedy.name,
                    request -> {
                      GenerationRequest.Builder said = greedy.request.apply(request).temperature(1);
                      return masks ? said.algorithm(Algorithm.RANDOM) : said;
                    }))
        .toList();
  }
}
