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
 * @param algorithm commit rule
 * @param cache keys and values that are kept
 * @param cacheRefresh steps between refreshes within a block; 0 is none
 */
record DecodeShape(
    int promptLength,
    int newTokens,
    int blockLength,
    int tokensPerStep,
    Double threshold,
    Algorithm algorithm,
    CacheMode cache,
    int cacheRefresh) {

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
    if (threshold != null) {
      builder.threshold(threshold);
    } else if (algorithm == Algorithm.ORIGIN) {
      // It draws every position on its own, so that only its steps can be told.
      builder.steps(Math.ceilDiv(newTokens, tokensPerStep));
    } else if (algorithm.countsSteps()) {
      builder.tokensPerStep(tokensPerStep);
    }
    return builder
        .hole(newTokens)
        .algorithm(algorithm)
        .blockLength(blockLength)
        .cache(cache)
        .cacheRefresh(cacheRefresh)
        .seed(index)
        .build();
  }

  /** For people. */
  String description() {
    return newTokens
        + " new tokens after "
        + promptLength
        + ", "
        + algorithm.spelling()
        + (threshold == null ? "" : " " + threshold)
        + (algorithm.countsSteps() ? ", " + tokensPerStep + " a step" : "")
        + ", blocks of "
        + block()
        + ", cache "
        + spell(cache)
        + (cacheRefresh == 0 ? "" : " refreshed every " + cacheRefresh + " steps");
  }

  /** {@link #tokensPerStep} where the algorithm goes by it, else null. */
  Integer pace() {
    return algorithm.countsSteps() ? tokensPerStep : null;
  }

  static String spell(CacheMode cache) {
    return cache.name().toLowerCase(Locale.ROOT);
  }
}
