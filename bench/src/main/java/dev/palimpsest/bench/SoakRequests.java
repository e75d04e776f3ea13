/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.GenerationRequest;
import dev.palimpsest.bench.SoakRequest.Fate;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.latent.LatentChoice;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.schedule.Terms;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Draws requests of every sort that a model knows: lengths, holes, algorithms, solvers, caches,
 * priorities; to be cancelled, in a hurry, or wrong. The same seed draws the same requests.
 */
final class SoakRequests {
  private static final int PAGE = 64;

  private final ModelConfig config;
  private final Optional<HybridConfig> latent;
  private final int longest;
  private final int cachePages;
  // 0 for a model that attends to everything.
  private final int modelBlock;
  private final List<CacheMode> caches;
  private final SplittableRandom random;

  /**
   * @param latent what a hybrid latent model is; empty for others
   * @param longest tokens of the longest canvas
   * @param cachePages pages of K/V there are in all
   */
  SoakRequests(
      ModelConfig config, Optional<HybridConfig> latent, int longest, int cachePages, long seed) {
    this.config = config;
    this.latent = latent;
    this.longest = longest;
    this.cachePages = cachePages;
    modelBlock = config.mask().blockLength();
    caches =
        modelBlock > 0
            ? List.of(CacheMode.NONE, CacheMode.BLOCK)
            : List.of(CacheMode.NONE, CacheMode.PREFIX, CacheMode.DUAL, CacheMode.DELAYED);
    random = new SplittableRandom(seed);
  }

  SoakRequest next() {
    boolean patient = random.nextInt(4) > 0;
    return switch (random.nextInt(20)) {
      case 0, 1 -> new SoakRequest(Fate.REFUSED, wrong().build(), patient, 0);
      case 2, 3, 4 ->
          new SoakRequest(Fate.CANCELLED, right().build(), patient, random.nextInt(100));
      case 5, 6 -> {
        Duration deadline = Duration.ofMillis(1 + random.nextInt(300));
        yield new SoakRequest(Fate.LATE, right().deadline(deadline).build(), patient, 0);
      }
      case 7 -> {
        Duration wished = Duration.ofMillis(1 + random.nextInt(300));
        // A causal model cannot hurry.
        yield config.causal()
            ? new SoakRequest(Fate.FINISHES, right().build(), patient, 0)
            : new SoakRequest(Fate.HURRIED, right().finishWithin(wished).build(), patient, 0);
      }
      default -> new SoakRequest(Fate.FINISHES, right().build(), patient, 0);
    };
  }

  /** One that the engine can do. */
  private GenerationRequest.Builder right() {
    // Mostly short ones, now and then one as long as they get.
    int length = 3 + random.nextInt(random.nextInt(8) == 0 ? longest - 2 : longest / 4);
    int prompt = random.nextInt(length / 2 + 1);
    if (config.causal()) {
      prompt = Math.max(1, prompt);
    }
    int hole = 1 + random.nextInt(length - prompt);
    GenerationRequest.Builder builder = GenerationRequest.builder();
    given(builder, prompt);
    builder.hole(hole);
    int after = modelBlock > 0 ? 0 : length - prompt - hole;
    if (after > 2) {
      given(builder, after / 2);
      builder.hole(after - after / 2);
    }
    builder
        .temperature(random.nextInt(3) == 0 ? 0.8f : 0)
        .priority(Terms.LOWEST + random.nextInt(Terms.HIGHEST - Terms.LOWEST + 1))
        .plainTextOnly(true)
        .seed(random.nextLong());
    if (latent.isPresent()) {
      fromNoise(builder, latent.get());
    } else if (config.causal()) {
      builder.cache(cache(length, false));
    } else {
      fromMasks(builder, length, hole + (after > 2 ? after - after / 2 : 0));
    }
    return builder;
  }

  private void fromNoise(GenerationRequest.Builder builder, HybridConfig model) {
    Solver solver = Solver.values()[random.nextInt(Solver.values().length)];
    builder
        .steps(1 + random.nextInt(12))
        .guidance(random.nextInt(4) == 0 ? 1 : 0)
        .latent(
            LatentChoice.NONE
                .withSolver(solver)
                .withChurn(solver != Solver.EULER && random.nextInt(3) == 0 ? 0.5 : 0)
                .withRefineSteps(random.nextInt(3)));
    if (random.nextInt(3) == 0) {
      builder.blockLength(1 + random.nextInt(model.trainedLength()));
    }
  }

  private void fromMasks(GenerationRequest.Builder builder, int length, int written) {
    Algorithm algorithm = Algorithm.values()[random.nextInt(Algorithm.values().length)];
    int block = modelBlock;
    if (modelBlock == 0 && algorithm.knowsBlocks()) {
      block = random.nextInt(written + 1);
      builder.blockLength(block);
    }
    if (algorithm.countsSteps()) {
      // A model's own blocks need not begin where the hole does.
      int blocks = block == 0 ? 1 : Math.ceilDiv(written, block) + 1;
      builder.steps(blocks + random.nextInt(24));
    } else if (random.nextBoolean()) {
      builder.maxStepsPerBlock(1 + random.nextInt(8));
    }
    boolean guided = random.nextInt(10) == 0;
    CacheMode cache = cache(length, guided);
    builder.algorithm(algorithm).guidance(guided ? 1 : 0).cache(cache);
    if (cache != CacheMode.NONE && cache != CacheMode.BLOCK && random.nextBoolean()) {
      builder.cacheRefresh(1 + random.nextInt(8));
    }
  }

  /** One that there are pages for. */
  private CacheMode cache(int length, boolean guided) {
    CacheMode cache = caches.get(random.nextInt(caches.size()));
    return Math.ceilDiv(length, PAGE) * (guided ? 2 : 1) > cachePages ? CacheMode.NONE : cache;
  }

  /** One that has to be refused when it is submitted, because only the engine knows better. */
  private GenerationRequest.Builder wrong() {
    GenerationRequest.Builder some = GenerationRequest.builder();
    return switch (random.nextInt(6)) {
      case 0 -> right().tokens(config.vocabulary() + random.nextInt(1000));
      case 1 -> right().tokens(-1 - random.nextInt(1000));
      case 2 -> some.hole(20).temperature(-1);
      // A latent model writes a text of any length, a window at a time.
      case 3 ->
          latent.isPresent()
              ? given(some, 4).hole(20).topP(0.5f)
              : given(some, 4).hole(config.maxPositions() + random.nextInt(1000));
      case 4 ->
          latent.isPresent()
              ? given(some, 4).hole(20).blockLength(latent.get().trainedLength() + 1)
              : given(some, 4).hole(20).blockLength(2).steps(3);
      default ->
          latent.isPresent()
              ? given(some, 4).hole(20).cache(CacheMode.DUAL)
              : config.causal() ? given(some, 4).hole(20).guidance(1) : tooManyPages();
    };
  }

  /** Needs a page more than there are. */
  private GenerationRequest.Builder tooManyPages() {
    boolean guided = cachePages * PAGE >= longest;
    int pages = (guided ? cachePages / 2 : cachePages) + 1;
    GenerationRequest.Builder builder = GenerationRequest.builder();
    return pages * PAGE > config.maxPositions()
        ? builder.hole(1).topP(0)
        : builder.hole(pages * PAGE).guidance(guided ? 1 : 0).cache(caches.getLast());
  }

  private GenerationRequest.Builder given(GenerationRequest.Builder builder, int count) {
    if (count > 0) {
      builder.tokens(
          IntStream.generate(() -> random.nextInt(config.vocabulary()))
              .filter(token -> token != config.maskToken())
              .limit(count)
              .toArray());
    }
    return builder;
  }
}
