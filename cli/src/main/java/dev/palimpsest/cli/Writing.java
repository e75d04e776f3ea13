/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationResult;
import dev.palimpsest.process.Revision;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Runs one request to its end, showing it to viewers on the way. */
final class Writing {
  /** A revision and when it came; no revision marks the end. */
  private record Arrival(Revision revision, long nanos) {
    static final Arrival END = new Arrival(null, 0);
  }

  private Writing() {}

  /**
   * Runs {@code request}. Viewers may be slow: the revisions are taken as they come, so that the
   * times shown are the engine's and not the viewers'.
   *
   * @param planned steps asked for, when known
   */
  static GenerationResult run(
      Engine engine, GenerationRequest request, OptionalInt planned, List<Viewer> viewers) {
    if (viewers.isEmpty()) {
      return engine.generate(request);
    }
    long begun = System.nanoTime();
    Generation generation = engine.submit(request);
    BlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try (var revisions = generation.revisions()) {
                revisions.forEach(
                    revision -> arrivals.add(new Arrival(revision, System.nanoTime() - begun)));
              } finally {
                arrivals.add(Arrival.END);
              }
            });
    try {
      show(engine, arrivals, planned, viewers);
    } catch (InterruptedException e) {
      generation.cancel();
      Thread.currentThread().interrupt();
      throw new FailureException("interrupted", e);
    } finally {
      viewers.forEach(Viewer::close);
    }
    return generation.result().join();
  }

  private static void show(
      Engine engine, BlockingQueue<Arrival> arrivals, OptionalInt planned, List<Viewer> viewers)
      throws InterruptedException {
    WatchedCanvas canvas = new WatchedCanvas(engine.config().maskToken());
    TokenTexts texts = new TokenTexts(engine.tokenizer());
    int total = 0;
    for (Arrival next = arrivals.take(); next != Arrival.END; next = arrivals.take()) {
      canvas.apply(next.revision());
      int masked = canvas.masked();
      if (canvas.step() == 0) {
        total = masked;
      }
      Progress progress = new Progress(canvas.step(), planned, total - masked, total, next.nanos());
      var stretches = texts.stretches(canvas.cells());
      viewers.forEach(viewer -> viewer.show(progress, stretches));
    }
  }
}
