/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.util.Locale;
import java.util.OptionalInt;

/**
 * How far a generation is.
 *
 * @param step denoising steps taken
 * @param planned steps asked for, when known
 * @param written tokens written so far
 * @param total tokens to write
 * @param nanos since the request was made
 */
record Progress(int step, OptionalInt planned, int written, int total, long nanos) {
  double tokensPerSecond() {
    return nanos == 0 ? 0 : written / (nanos / 1e9);
  }

  /** Steps and tokens so far, without colours. */
  String counts() {
    return String.format(
        Locale.ROOT,
        "step %d%s  %d of %d tokens",
        step,
        planned.isPresent() ? "/" + planned.getAsInt() : "",
        written,
        total);
  }

  /** The counts and the rate, on one line. */
  String line() {
    return String.format(Locale.ROOT, "%s  %,.0f tokens/s", counts(), tokensPerSecond());
  }
}
