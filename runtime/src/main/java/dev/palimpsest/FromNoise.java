/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.process.Pace;
import dev.palimpsest.process.latent.LatentChoice;
import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.LatentDiffusion;
import dev.palimpsest.process.latent.LatentModel;
import dev.palimpsest.process.latent.LatentOptions;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.process.latent.TimeGrid;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * What a latent model makes of a request. Nothing is masked and nothing committed, so all that a
 * request may say of that is refused by name.
 */
record FromNoise(HybridConfig config) {
  /**
   * A request's process.
   *
   * @throws IllegalArgumentException naming what the model has no use for, or a value out of range
   */
  LatentDiffusion process(GenerationRequest request, CanvasPlan plan, int... endTokens) {
    refuseMasking(request);
    LatentModel model =
        new LatentModel(
            config.path(),
            config.groups(),
            config.trainedLength(),
            config.sampling(),
            config.maskToken(),
            Arrays.stream(endTokens).boxed().toList());
    return new LatentDiffusion(plan.tokens(), plan.fixed(), options(request), model);
  }

  /** How the decoder's logits become tokens: the likeliest, never MASK. */
  Sampling decoding(int... suppressed) {
    int[] never =
        IntStream.concat(Arrays.stream(suppressed), IntStream.of(config.maskToken()))
            .distinct()
            .toArray();
    return new Sampling(0, 0, 1, Sampling.Distribution.RAW, never);
  }

  private LatentOptions options(GenerationRequest request) {
    LatentDefaults usual = config.sampling();
    LatentChoice choice = request.latent();
    int refineSteps = choice.refineSteps().orElse(usual.refineSteps());
    if (refineSteps == 0) {
      choice.refineThreshold().ifPresent(value -> refuseWithoutRefining("threshold", value));
      choice.refineTime().ifPresent(value -> refuseWithoutRefining("time", value));
    }
    boolean churns = choice.solver().orElse(usual.solver()) != Solver.EULER;
    return new LatentOptions(
        request.pace().isPresent() && request.pace().get() instanceof Pace.Steps(int total)
            ? total
            : usual.steps(),
        choice.grid().orElse(TimeGrid.RECOMMENDED),
        choice.solver().orElse(usual.solver()),
        request.chosenTemperature().orElse(usual.temperature()),
        request.chosenGuidance().orElse(usual.guidance()),
        // What was recommended for another solver is not insisted on.
        (float) choice.churn().orElse(churns ? usual.churn() : 0),
        refineSteps,
        choice.refineThreshold().orElse(usual.refineThreshold()),
        choice.refineTime().orElse(usual.refineTime()),
        request.blockLength().orElse(0),
        request.previews(),
        request.stopAtEnd(),
        request.seed().orElse(0));
  }

  private static void refuseWithoutRefining(String what, double value) {
    throw new IllegalArgumentException(
        "refine %s %s has no meaning with 0 refine steps, which write nothing again: set refine steps, or leave it out"
            .formatted(what, value));
  }

  private static void refuseMasking(GenerationRequest request) {
    if (request.pace().isPresent() && !(request.pace().get() instanceof Pace.Steps)) {
      refuse(request.pace().get().toString());
    }
    request.saidOfMasks().ifPresent(FromNoise::refuse);
    if (request.topK() != 0) {
      refuse("top-k " + request.topK());
    }
    if (request.topP() != 1) {
      refuse("top-p " + request.topP());
    }
    request
        .cache()
        .filter(mode -> mode != CacheMode.NONE)
        .ifPresent(mode -> refuse("cache " + mode.name().toLowerCase(Locale.ROOT)));
    if (request.cacheRefresh() != 0) {
      refuse("a cache refresh every " + request.cacheRefresh() + " steps");
    }
  }

  private static void refuse(String found) {
    throw new IllegalArgumentException(
        "this model (palimpsest-hybrid) denoises all positions together and has no use for %s: leave it out; steps, solver, grid, temperature, guidance, churn, refine steps, block length and seed are what it knows"
            .formatted(found));
  }
}
