/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Revision;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** Keeps what it is told. */
class Recorder implements RequestObserver {
  final Canvas replay = new Canvas(LeftToRight.MASK);
  final List<Revision> revisions = new CopyOnWriteArrayList<>();
  final CompletableFuture<List<Integer>> done = new CompletableFuture<>();
  final AtomicInteger ends = new AtomicInteger();
  volatile boolean cancelled;

  @Override
  public void revised(Revision revision) {
    replay.apply(revision);
    revisions.add(revision);
  }

  @Override
  public void finished() {
    ends.incrementAndGet();
    done.complete(Arrays.stream(replay.tokens()).boxed().toList());
  }

  @Override
  public void expired() {
    ends.incrementAndGet();
    done.completeExceptionally(new TimeoutException());
  }

  @Override
  public void failed(Throwable cause) {
    ends.incrementAndGet();
    done.completeExceptionally(cause);
  }

  @Override
  public boolean cancelled() {
    return cancelled;
  }

  Throwable failure() throws Exception {
    return done.<Throwable>handle((tokens, failure) -> failure).get(60, TimeUnit.SECONDS);
  }
}
