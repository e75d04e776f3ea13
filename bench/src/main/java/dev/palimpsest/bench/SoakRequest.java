/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.GenerationRequest;

/**
 * One request of a soak.
 *
 * @param fate what has to become of it
 * @param request to submit
 * @param patient whether to wait for room in the queue, instead of being refused
 * @param cancelAfterMs when to cancel it, for those whose fate that is
 */
record SoakRequest(Fate fate, GenerationRequest request, boolean patient, int cancelAfterMs) {
  /** What has to become of a request. */
  enum Fate {
    /** Its tokens, the same as alone. */
    FINISHES,
    /** A CancellationException, or its tokens if it was faster. */
    CANCELLED,
    /** A DeadlineExceededException, or its tokens if it was faster. */
    LATE,
    /** All its tokens, whichever they are. */
    HURRIED,
    /** An IllegalArgumentException when it is submitted. */
    REFUSED
  }
}
