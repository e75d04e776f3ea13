/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

/** First byte of what a {@link LlamaCpp} asks its process: the ordinal. */
enum Request {
  /** Tokens, and the positions to predict: one forward from an empty cache. */
  PREDICT,
  /** A row of the last forward: its logits. */
  LOGITS,
  /** A prompt and a number of tokens to write after it, one by one. */
  CONTINUE
}
