/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.process.Revision;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** A request on its way: its future, and its revisions as they happen. */
public interface Generation {
  /**
   * Completes with the result, or exceptionally with the request's own fault, {@link
   * DeadlineExceededException} or CancellationException; always completes. Cancelling it, or
   * completing it in any other way ({@code orTimeout}), cancels the request.
   */
  CompletableFuture<GenerationResult> result();

  /**
   * All revisions from the first on, blocking for the next; ends with the generation. May be called
   * once.
   *
   * @throws IllegalStateException on the second call
   */
  Stream<Revision> revisions();

  /**
   * Takes the request out of the batch before the next step; the result completes with a
   * CancellationException.
   */
  void cancel();
}
