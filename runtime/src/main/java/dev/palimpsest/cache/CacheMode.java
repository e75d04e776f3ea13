/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

/**
 * Which keys and values a step takes from earlier steps instead of computing them anew.
 *
 * <p>For a model that attends to everything, each mode but {@link #NONE} is an approximation: keys
 * and values that are kept do not know what has been written since. When a block begins, and again
 * every so many steps if asked, a step feeds the whole canvas and stores all keys and values: a
 * refresh. The steps between feed less.
 *
 * <p>For a model that attends in blocks, or causally, nothing that precedes a block depends on it,
 * so {@link #BLOCK} is exact.
 */
public enum CacheMode {
  /** Every step feeds the whole canvas: exact. */
  NONE,
  /**
   * What precedes the block is kept; a step feeds the block and all that follows it (Wu et al.,
   * Fast-dLLM, 2025).
   */
  PREFIX,
  /** What precedes and what follows the block is kept; a step feeds the block alone (ibid.). */
  DUAL,
  /**
   * What has been written is kept, from one step after it was written on; a step feeds all masks of
   * the canvas, wherever they are, and what the last step wrote (Ma et al., dKV-Cache, 2025).
   */
  DELAYED,
  /**
   * For models that attend in blocks, and exact: finished blocks are kept; a step feeds the block
   * alone, the first one of a block also the block before it, whose tokens are then final (Arriola
   * et al., Block Diffusion, 2025). Nothing is ever refreshed. The blocks of a causal model are
   * single positions: the ordinary K/V cache.
   */
  BLOCK
}
