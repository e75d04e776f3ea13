/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.Autoregression;
import java.util.Locale;
import java.util.OptionalInt;

/**
 * What a causal model makes of a request. It has one way to write, so all that a request may say of
 * diffusion is refused by name.
 */
record LeftToRight(ModelConfig config) {
  /**
   * A request's process.
   *
   * @throws IllegalArgumentException naming what the model has no use for, or if text stands where
   *     it cannot see it, or none where it begins
   */
  Autoregression process(
      GenerationRequest request, CanvasPlan plan, int[] suppressed, int... endTokens) {
    if (plan.infills()) {
      throw new IllegalArgumentException(
          "text follows a hole, and this model (%s) writes from left to right and cannot see what comes later: leave that text out, or fill holes with a model that attends to everything, such as LLaDA or Dream"
              .formatted(config.family()));
    }
    if (plan.tokens().length > 0 && plan.fixed().isEmpty()) {
      throw new IllegalArgumentException(
          "nothing precedes the hole, and this model (%s) predicts a token from those before it: give a prompt of at least one token"
              .formatted(config.family()));
    }
    refuseDiffusion(request);
    return new Autoregression(
        plan.tokens(),
        plan.fixed().cardinality(),
        new Sampling(
            request.temperature(),
            request.topK(),
            request.topP(),
            Sampling.Distribution.RAW,
            suppressed),
        request.seed().orElse(0),
        request.stopAtEnd(),
        endTokens);
  }

  private void refuseDiffusion(GenerationRequest request) {
    request.pace().ifPresent(pace -> refuse(pace.toString()));
    request.saidOfMasks().ifPresent(this::refuse);
    OptionalInt block = request.blockLength();
    if (block.orElse(0) > 0) {
      refuse("block length " + block.getAsInt());
    }
    if (request.guidance() != 0) {
      refuse("guidance " + request.guidance());
    }
    request.latent().named().ifPresent(this::refuse);
    request.finishWithin().ifPresent(time -> refuse("a time to finish within, " + time));
  }

  private void refuse(String found) {
    throw new IllegalArgumentException(
        "this model (%s) writes one token a step from left to right, and found %s: leave it out; temperature, top-k, top-p and seed are what it knows"
            .formatted(config.family(), found));
  }

  /**
   * A request's use of the cache: unless told otherwise what has been written is kept.
   *
   * @param mostRows of a step that stores a prompt
   * @throws IllegalArgumentException if the mode asked for is for diffusion, or the canvas can
   *     never fit into the pool
   */
  RequestCache cache(GenerationRequest request, KvPool pool, int mostRows, int length) {
    CacheMode mode = request.cache().orElse(CacheMode.BLOCK);
    if (request.cacheRefresh() != 0) {
      throw new IllegalArgumentException(
          "the cache of a causal model (%s) is exact and refreshes nothing; found a refresh every %d steps: set it to 0"
              .formatted(config.family(), request.cacheRefresh()));
    }
    return switch (mode) {
      case NONE -> RequestCache.feedingAgain();
      case BLOCK -> RequestCache.ofWritten(mostRows, pool, length);
      case PREFIX, DUAL, DELAYED ->
          throw new IllegalArgumentException(
              "cache %s is for models that attend to everything and this one (%s) sees what precedes a position alone: choose block, which is exact, or none"
                  .formatted(mode.name().toLowerCase(Locale.ROOT), config.family()));
    };
  }
}
