/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How a request stands among others.
 *
 * @param priority {@value #LOWEST} to {@value #HIGHEST}; the higher goes first, see {@link
 *     Scheduler}
 * @param deadline from submission; a request that has not finished by then is {@linkplain
 *     RequestObserver#expired() expired}
 * @param finishWithin from submission; a request that would take longer at its pace so far is
 *     {@linkplain dev.palimpsest.process.DiffusionProcess#hurry hurried}
 */
public record Terms(int priority, Optional<Duration> deadline, Optional<Duration> finishWithin) {
  public static final int LOWEST = -10;
  public static final int HIGHEST = 10;

  /** Priority 0, all the time there is. */
  public static final Terms DEFAULT = new Terms(0, Optional.empty(), Optional.empty());

  /**
   * @throws IllegalArgumentException if the priority is out of range or a duration not positive
   */
  public Terms {
    Objects.requireNonNull(deadline, "deadline");
    if (priority < LOWEST || priority > HIGHEST) {
      throw new IllegalArgumentException(
          "priority must be between %d and %d; found %d".formatted(LOWEST, HIGHEST, priority));
    }
    refuseUnlessPositive("the deadline", deadline);
    refuseUnlessPositive("the time to finish within", Objects.requireNonNull(finishWithin));
  }

  private static void refuseUnlessPositive(String what, Optional<Duration> duration) {
    if (duration.isPresent() && !duration.get().isPositive()) {
      throw new IllegalArgumentException(what + " must be positive; found " + duration.get());
    }
  }

  /** The duration in nanoseconds, 292 years at most. */
  static long nanoseconds(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException e) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }
}
