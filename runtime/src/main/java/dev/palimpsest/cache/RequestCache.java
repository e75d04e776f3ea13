/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Revision;
import java.util.Optional;

/**
 * One request's use of the cache: its pages, and which positions its next step has to feed. Used by
 * one thread at a time.
 */
public final class RequestCache {
  private final FeedRule rule;
  private final Optional<KvPool> pool;
  private final int length;
  private final boolean guided;
  private final Feed feed = new Feed();
  private boolean chosen;

  private Optional<KvPages> pages = Optional.empty();
  private Optional<KvPages> unconditional = Optional.empty();

  private RequestCache(FeedRule rule, Optional<KvPool> pool, int length, boolean guided) {
    this.rule = rule;
    this.pool = pool;
    this.length = length;
    this.guided = guided;
  }

  /** For a request that keeps nothing. */
  public static RequestCache none() {
    return new RequestCache(new WholeCanvas(), Optional.empty(), 0, false);
  }

  /**
   * For a request on a canvas of {@code length} tokens, to a model that attends to everything.
   *
   * @param refreshEvery steps from one refresh to the next within a block; 0 refreshes only when a
   *     block begins
   * @param guided classifier-free guidance runs a second sequence, with pages of its own
   * @throws IllegalArgumentException if that could never fit into the pool, or the mode is {@link
   *     CacheMode#BLOCK}
   */
  public static RequestCache of(
      CacheMode mode, int refreshEvery, KvPool pool, int length, boolean guided) {
    return switch (mode) {
      case NONE -> none();
      case PREFIX -> keeping(new RefreshedBlocks(true, refreshEvery), pool, length, guided);
      case DUAL -> keeping(new RefreshedBlocks(false, refreshEvery), pool, length, guided);
      case DELAYED -> keeping(new DelayedTokens(refreshEvery), pool, length, guided);
      case BLOCK ->
          throw new IllegalArgumentException(
              "the block cache wants to know the length of the model's blocks: use ofBlocks");
    };
  }

  /**
   * {@link CacheMode#BLOCK}, for a request on a canvas of {@code length} tokens.
   *
   * @param blockLength of the model's attention
   * @param mostRows of a step beside those of the block being written and its predecessor; a longer
   *     prompt is fed over several steps
   * @param guided classifier-free guidance runs a second sequence, with pages of its own
   * @throws IllegalArgumentException if that could never fit into the pool, or the block length is
   *     not positive
   */
  public static RequestCache ofBlocks(
      int blockLength, int mostRows, KvPool pool, int length, boolean guided) {
    if (blockLength < 1) {
      throw new IllegalArgumentException(
          "the block cache is for models that attend in blocks; found block length " + blockLength);
    }
    return keeping(
        new FinishedBlocks(blockLength, guided ? mostRows / 2 : mostRows), pool, length, guided);
  }

  /**
   * {@link CacheMode#BLOCK} of a causal model, whose blocks are single positions, for a request on
   * a canvas of {@code length} tokens: what has been written is stored, and a step feeds one row.
   *
   * @param mostRows of a step; a longer prompt is fed over several
   * @throws IllegalArgumentException if that could never fit into the pool
   */
  public static RequestCache ofWritten(int mostRows, KvPool pool, int length) {
    return keeping(WrittenTokens.kept(mostRows), pool, length, false);
  }

  /** For a request to a causal model that keeps nothing: a step feeds the text so far. */
  public static RequestCache feedingAgain() {
    return new RequestCache(WrittenTokens.again(), Optional.empty(), 0, false);
  }

  private static RequestCache keeping(FeedRule rule, KvPool pool, int length, boolean guided) {
    pool.checkFits(length, guided ? 2 : 1);
    return new RequestCache(rule, Optional.of(pool), length, guided);
  }

  /** Whether pages are needed. */
  public boolean keeps() {
    return pool.isPresent();
  }

  /**
   * Takes the pages, all that the request will ever need, so that no two requests can wait for each
   * other's.
   *
   * @return false, holding none, if too few are free now
   */
  public boolean reserve() {
    if (pool.isEmpty() || pages.isPresent()) {
      return true;
    }
    pages = pool.get().reserve(length);
    unconditional = guided && pages.isPresent() ? pool.get().reserve(length) : Optional.empty();
    if (pages.isEmpty() || (guided && unconditional.isEmpty())) {
      release();
      return false;
    }
    return true;
  }

  /**
   * Sees to it that there is memory for the pages, which may take a while.
   *
   * @throws IllegalStateException if the device has less memory than the budget
   */
  public void prepare() {
    pages.ifPresent(KvPages::prepare);
    unconditional.ifPresent(KvPages::prepare);
  }

  /** Gives the pages back; idempotent. */
  public void release() {
    pages.ifPresent(KvPages::release);
    unconditional.ifPresent(KvPages::release);
    pages = Optional.empty();
    unconditional = Optional.empty();
  }

  /** Pages of the request's sequence; none unless {@link #keeps} and {@link #reserve}d. */
  public Optional<KvPages> pages() {
    return pages;
  }

  /** Pages of the sequence with the prompt masked, with guidance. */
  public Optional<KvPages> unconditional() {
    return unconditional;
  }

  /**
   * What the next step feeds; the same until it has been {@link #stepped}.
   *
   * @param shifted row i of the logits predicts position i + 1, so the rows before wanted positions
   *     are fed too
   * @throws IllegalStateException if the canvas has grown beyond its pages
   */
  public Feed next(DiffusionProcess process, boolean shifted) {
    if (!chosen) {
      int now = process.canvas().length();
      if (keeps() && now != length) {
        throw new IllegalStateException(
            "the canvas has grown from %d to %d tokens and its K/V cache cannot: switch the cache off"
                .formatted(length, now));
      }
      rule.choose(process, shifted, feed);
      chosen = true;
    }
    return feed;
  }

  /**
   * Whether every step until the block is over feeds what the next one does, one position after the
   * other, and predicts.
   */
  public boolean steady(DiffusionProcess process, boolean shifted) {
    Feed next = next(process, shifted);
    return next.predicts()
        && next.position(next.size() - 1) - next.position(0) == next.size() - 1
        && rule.steady(process);
  }

  /**
   * Whether the next step stores the keys and values of all that attention may see in it, or only
   * stores some.
   */
  public boolean refreshing(DiffusionProcess process, boolean shifted) {
    Feed next = next(process, shifted);
    return keeps() && (!next.predicts() || next.size() == next.context());
  }

  /** The step that {@link #next} chose has been taken, and {@code process} has not advanced yet. */
  public void stepped(DiffusionProcess process) {
    if (!chosen) {
      throw new IllegalStateException("no step was chosen");
    }
    rule.stepped(process, feed);
    chosen = false;
  }

  /** What the process made of that step. */
  public void revised(Revision revision) {
    rule.revised(revision);
  }
}
