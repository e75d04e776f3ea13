/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import java.time.Duration;

/** A request had not finished when its {@link GenerationRequest.Builder#deadline} passed. */
public final class DeadlineExceededException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient GenerationResult partial;

  /**
   * @param asked tokens the request asked for
   */
  DeadlineExceededException(Duration deadline, int asked, GenerationResult partial) {
    super(
        "not finished within %s: %d of %d tokens were written by %d network calls; allow more time, or ask for fewer tokens or steps"
            .formatted(deadline, partial.newTokens(), asked, partial.networkCalls()));
    this.partial = partial;
  }

  /**
   * What was there when time ran out: positions not written hold MASK in {@link
   * GenerationResult#tokens} and are left out of its texts. Without network calls the request had
   * waited all the time.
   */
  public GenerationResult partial() {
    return partial;
  }
}
