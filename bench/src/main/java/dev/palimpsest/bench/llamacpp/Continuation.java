/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.util.Arrays;

/**
 * What llama.cpp wrote token by token.
 *
 * @param promptNanos that the prompt took
 * @param nanos that each token after it took
 * @param tokens as they were written, each the largest logit
 */
public record Continuation(long promptNanos, long[] nanos, int[] tokens) {
  /** New tokens per second, the prompt's time left out. */
  public double tokensPerSecond() {
    return nanos.length / (Arrays.stream(nanos).sum() / 1e9);
  }
}
