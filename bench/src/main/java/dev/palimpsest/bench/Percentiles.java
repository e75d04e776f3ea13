/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.Locale;

/**
 * How times are spread, in milliseconds.
 *
 * @param count of times
 */
record Percentiles(int count, double p50Ms, double p95Ms, double p99Ms) {
  static Percentiles of(Timings timings) {
    return new Percentiles(
        timings.nanos().length,
        timings.medianMs(),
        timings.quantileMs(0.95),
        timings.quantileMs(0.99));
  }

  /** For people. */
  @Override
  public String toString() {
    return String.format(Locale.ROOT, "p50 %.2f, p95 %.2f, p99 %.2f ms", p50Ms, p95Ms, p99Ms);
  }
}
