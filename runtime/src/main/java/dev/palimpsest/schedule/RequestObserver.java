/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.process.Revision;

/**
 * Told what becomes of a request, on the scheduler's thread: must return at once and never block.
 * Exactly one of {@link #finished}, {@link #expired} and {@link #failed} is the last call.
 */
public interface RequestObserver {
  /** The start (step 0) and every step's changes, in order. */
  void revised(Revision revision);

  /** The canvas is finished. */
  void finished();

  /** The deadline has passed; there may have been no revision yet. */
  void expired();

  /** The request ended by its own fault, by cancellation, or because the scheduler closed. */
  void failed(Throwable cause);

  /** True once the request should leave the batch before its next step. */
  boolean cancelled();
}
