/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.Locale;

/**
 * What follows for a request from whether its model attends to everything, in blocks or causally.
 */
record Attending(ModelConfig config) {
  private int block() {
    return config.mask().blockLength();
  }

  private boolean inBlocks() {
    return block() > 0;
  }

  /** What the family was published with. */
  private Algorithm algorithm() {
    if (inBlocks()) {
      return Algorithm.THRESHOLD;
    }
    return config.family().equals("dream") ? Algorithm.ENTROPY : Algorithm.LOW_CONFIDENCE;
  }

  /**
   * A request's process, in the model's blocks if it has some.
   *
   * @param suppressed tokens that are never written
   * @throws IllegalArgumentException if the options do not fit the canvas, or text stands where the
   *     model cannot see it
   */
  DiffusionProcess process(
      GenerationRequest request, CanvasPlan plan, int[] suppressed, int... endTokens) {
    if (config.causal()) {
      return new LeftToRight(config).process(request, plan, suppressed, endTokens);
    }
    MaskedOptions options = request.decoding(algorithm(), suppressed);
    if (!inBlocks()) {
      return MaskedDiffusion.of(
          plan.tokens(), plan.fixed(), options, config.maskToken(), endTokens);
    }
    if (plan.infills()) {
      throw new IllegalArgumentException(
          "text follows a hole, and this model (%s) writes from left to right in blocks of %d tokens and cannot see what comes later: leave that text out, or fill holes with a model that attends to everything, such as LLaDA or Dream"
              .formatted(config.family(), block()));
    }
    return MaskedDiffusion.inBlocksOf(
        block(), plan.tokens(), plan.fixed(), options, config.maskToken(), endTokens);
  }

  /** The mode a request runs in. */
  private CacheMode mode(GenerationRequest request) {
    CacheMode mode = request.cache().orElse(inBlocks() ? CacheMode.BLOCK : CacheMode.NONE);
    boolean fits = mode == CacheMode.NONE || (mode == CacheMode.BLOCK) == inBlocks();
    if (!fits) {
      throw new IllegalArgumentException(
          inBlocks()
              ? "cache %s is for models that attend to everything and this one (%s) attends in blocks of %d: choose block, which is exact, or none"
                  .formatted(spelling(mode), config.family(), block())
              : "cache block is for models that attend in blocks and this one (%s) attends to everything: choose none, prefix, dual or delayed"
                  .formatted(config.family()));
    }
    if (mode == CacheMode.BLOCK && request.cacheRefresh() != 0) {
      throw new IllegalArgumentException(
          "cache block is exact and refreshes nothing; found a refresh every %d steps: set it to 0"
              .formatted(request.cacheRefresh()));
    }
    return mode;
  }

  private static String spelling(CacheMode mode) {
    return mode.name().toLowerCase(Locale.ROOT);
  }

  /**
   * A request's use of the cache.
   *
   * @param mostRows of a step that stores a prompt
   * @throws IllegalArgumentException if the mode asked for is not for such a model, or the canvas
   *     can never fit into the pool
   */
  RequestCache cache(
      GenerationRequest request, KvPool pool, int mostRows, int length, boolean guided) {
    if (config.causal()) {
      return new LeftToRight(config).cache(request, pool, mostRows, length);
    }
    CacheMode mode = mode(request);
    return mode == CacheMode.BLOCK
        ? RequestCache.ofBlocks(block(), mostRows, pool, length, guided)
        : RequestCache.of(mode, request.cacheRefresh(), pool, length, guided);
  }
}
