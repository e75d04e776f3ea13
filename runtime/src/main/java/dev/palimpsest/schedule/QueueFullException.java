/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

/** More requests are waiting than the engine was told to hold. */
public final class QueueFullException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  QueueFullException(int limit) {
    super(
        "the queue holds "
            + limit
            + " waiting requests and is full: try again later, or open the engine with a larger maxQueued");
  }
}
