/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.Locale;

/**
 * What a measured request asks for.
 *
 * @param promptLength tokens of the prompt
 * @param newTokens tokens written
 * @param blockLength of them written together; 0 is all
 * @param tokensPerStep tokens a step commits, fewer at the end of a block; unused by algorithms
 *     that take as many steps as they need
 * @param threshold of such an algorithm; null for its usual one
 * @param algorithm commit rule; null for a model that is not masked, and then all of the above but
 *     {@code blockLength} is unused
 * @param cache keys and values that are kept
 * @param cacheRefresh steps between refreshes within a block; 0 is none
 * @param steps denoiser calls of a latent model; null for its own, and for other models
 */
record DecodeShape(
    int promptLength,
    int newTokens,
    int blockLength,
    int tokensPerStep,
    Double threshold,
    Algorithm algorithm,
    CacheMode cache,
    int cacheRefresh,
    Integer steps) {

  /** Of a masked model. */
  DecodeShape(
      int promptLength,
      int newTokens,
      int blockLength,
      int tokensPerStep,
      Double threshold,
      Algorithm algorithm,
      CacheMode cache,
      int cacheRefresh) {
    this(
        promptLength,
        newTokens,
        blockLength,
        tokensPerStep,
        threshold,
        algorithm,
        cache,
        cacheRefresh,
        null);
  }

  /** The same at another point of a sweep. */
  DecodeShape with(int tokensPerStep, CacheMode cache, int cacheRefresh) {
    return new DecodeShape(
        promptLength,
        newTokens,
        blockLength,
        tokensPerStep,
        threshold,
        algorithm,
        cache,
        cacheRefresh);
  }

  /** Tokens of a block, the whole text if it is not written in blocks. */
  int block() {
    return blockLength == 0 ? newTokens : Math.min(blockLength, newTokens);
  }

  /** Denoising steps of a block at {@link #tokensPerStep}. */
  int stepsPerBlock() {
    return Math.ceilDiv(block(), tokensPerStep);
  }

  /** Tokens of prompt and new text. */
  int length() {
    return promptLength + newTokens;
  }

  /** Prompt of request {@code index}. */
  int[] prompt(ModelConfig config, int index) {
    return prompt(config, promptLength, index);
  }

  /** {@code length} tokens for request {@code index}: spread over the vocabulary, MASK left out. */
  static int[] prompt(ModelConfig config, int length, int index) {
    int[] prompt = new int[length];
    for (int i = 0; i < length; i++) {
      int token = ForwardWork.token(index * length + i, config.vocabulary());
      prompt[i] = token == config.maskToken() ? (token + 1) % config.vocabulary() : token;
    }
    return prompt;
  }

  /** Request {@code index}: prompts differ from one to the next, and so do seeds. */
  GenerationRequest request(ModelConfig config, int index) {
    GenerationRequest.Builder builder = GenerationRequest.builder();
    if (promptLength > 0) {
      builder.tokens(prompt(config, index));
    }
    builder.hole(newTokens).seed(index).cache(cache);
    if (algorithm == null) {
      if (steps != null) {
        builder.steps(steps);
      }
      if (blockLength > 0) {
        builder.blockLength(blockLength);
      }
      return builder.build();
    }
    if (threshold != null) {
      builder.threshold(threshold);
    } else if (algorithm == Algorithm.ORIGIN) {
      // It draws every position on its own, so that only its steps can be told.
      builder.steps(Math.ceilDiv(newTokens, tokensPerStep));
    } else if (algorithm.countsSteps()) {
      builder.tokensPerStep(tokensPerStep);
    }
    return builder.algorithm(algorithm).blockLength(blockLength).cacheRefresh(cacheRefresh).build();
  }

  /** For people. */
  String description() {
    return newTokens
        + " new tokens after "
        + promptLength
        + rule()
        + ", cache "
        + spell(cache)
        + (cacheRefresh == 0 ? "" : " refreshed every " + cacheRefresh + " steps");
  }

  private String rule() {
    String blocks = ", blocks of " + block();
    if (algorithm == null) {
      return (steps == null ? "" : ", " + steps + " steps") + (blockLength == 0 ? "" : blocks);
    }
    return ", "
        + algorithm.spelling()
        + (threshold == null ? "" : " " + threshold)
        + (algorithm.countsSteps() ? ", " + tokensPerStep + " a step" : "")
        + blocks;
  }

  /** {@link #tokensPerStep} where the algorithm goes by it, else null. */
  Integer pace() {
    return algorithm != null && algorithm.countsSteps() ? tokensPerStep : null;
  }

  /** The algorithm as on the command line; null where there is none. */
  String algorithmSpelled() {
    return algorithm == null ? null : algorithm.spelling();
  }

  static String spell(CacheMode cache) {
    return cache.name().toLowerCase(Locale.ROOT);
  }
}
