/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

/**
 * Which keys and values a step of a full-attention model takes from earlier steps instead of
 * computing them anew (Wu et al., Fast-dLLM, 2025). Every mode but {@link #NONE} is an
 * approximation: keys and values that are kept do not know what has been written since.
 *
 * <p>When a block begins, and again every so many steps if asked, a step feeds the whole canvas and
 * stores all keys and values: a refresh. The steps between feed less.
 */
public enum CacheMode {
  /** Every step feeds the whole canvas: exact. */
  NONE,
  /** What precedes the block is kept; a step feeds the block and all that follows it. */
  PREFIX,
  /** What precedes and what follows the block is kept; a step feeds the block alone. */
  DUAL
}
