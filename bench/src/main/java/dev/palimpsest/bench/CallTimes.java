/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

/**
 * How long a call of a network takes.
 *
 * @param call {@code forward}, or what a network of several parts does in it
 * @param tokens it goes through, over all sequences
 * @param medianMs median wall time, milliseconds
 * @param meanMs mean
 * @param bestMs shortest
 * @param tokensPerSecond {@code tokens} over the median
 */
record CallTimes(
    String call,
    int tokens,
    double medianMs,
    double meanMs,
    double bestMs,
    double tokensPerSecond) {
  static CallTimes of(String call, int tokens, Timings timings) {
    return new CallTimes(
        call,
        tokens,
        timings.medianMs(),
        timings.meanMs(),
        timings.bestMs(),
        tokens / timings.medianMs() * 1e3);
  }
}
