/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.ActiveBlock;
import java.util.Objects;
import java.util.Optional;

/**
 * One request's use of the cache: its pages, and which positions its next step has to feed. Used by
 * one thread at a time.
 */
public final class RequestCache {
  private static final RequestCache NONE =
      new RequestCache(CacheMode.NONE, 0, Optional.empty(), 0, false);

  private final CacheMode mode;
  private final int refreshEvery;
  private final Optional<KvPool> pool;
  private final int length;
  private final boolean guided;

  private Optional<KvPages> pages = Optional.empty();
  private Optional<KvPages> unconditional = Optional.empty();
  private int block = -1;
  private int sinceRefresh;

  private RequestCache(
      CacheMode mode, int refreshEvery, Optional<KvPool> pool, int length, boolean guided) {
    this.mode = mode;
    this.refreshEvery = refreshEvery;
    this.pool = pool;
    this.length = length;
    this.guided = guided;
  }

  /** For a request that keeps nothing. */
  public static RequestCache none() {
    return NONE;
  }

  /**
   * For a request on a canvas of {@code length} tokens.
   *
   * @param refreshEvery steps from one refresh to the next within a block; 0 refreshes only when a
   *     block begins
   * @param guided classifier-free guidance runs a second sequence, with pages of its own
   * @throws IllegalArgumentException if that could never fit into the pool
   */
  public static RequestCache of(
      CacheMode mode, int refreshEvery, KvPool pool, int length, boolean guided) {
    if (mode == CacheMode.NONE) {
      return NONE;
    }
    pool.checkFits(length, guided ? 2 : 1);
    return new RequestCache(mode, refreshEvery, Optional.of(pool), length, guided);
  }

  /** Whether pages are needed. */
  public boolean keeps() {
    return mode != CacheMode.NONE;
  }

  /**
   * Takes the pages.
   *
   * @return false, holding none, if too few are free now
   */
  public boolean reserve() {
    if (pool.isEmpty() || pages.isPresent()) {
      return true;
    }
    pages = pool.get().reserve(length);
    try {
      unconditional = guided && pages.isPresent() ? pool.get().reserve(length) : Optional.empty();
    } catch (RuntimeException e) {
      release();
      throw e;
    }
    if (pages.isEmpty() || (guided && unconditional.isEmpty())) {
      release();
      return false;
    }
    return true;
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
   * First position that the next step feeds.
   *
   * @param shifted row i of the logits predicts position i + 1, so the row before the block is fed
   *     too
   */
  public int feedFrom(ActiveBlock active, boolean shifted) {
    return refreshes(active) ? 0 : Math.max(0, active.from() - (shifted ? 1 : 0));
  }

  /** The position after the last one that the next step feeds, on a canvas of that length. */
  public int feedTo(ActiveBlock active, int canvasLength) {
    if (keeps() && canvasLength != length) {
      throw new IllegalStateException(
          "the canvas has grown from %d to %d tokens and its K/V cache cannot: switch the cache off"
              .formatted(length, canvasLength));
    }
    return refreshes(active) || mode == CacheMode.PREFIX ? canvasLength : active.to();
  }

  /** Whether the next step feeds the whole canvas and stores all its keys and values. */
  public boolean refreshing(ActiveBlock active) {
    return keeps() && refreshes(active);
  }

  private boolean refreshes(ActiveBlock active) {
    return mode == CacheMode.NONE
        || active.index() != block
        || (refreshEvery > 0 && sinceRefresh >= refreshEvery);
  }

  /** The step over {@code active} has been taken. */
  public void stepped(ActiveBlock active) {
    Objects.requireNonNull(active, "active");
    if (!keeps()) {
      return;
    }
    sinceRefresh = refreshes(active) ? 1 : sinceRefresh + 1;
    block = active.index();
  }
}
