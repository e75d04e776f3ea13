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

  /** One line, without colours. */
  String line() {
    return String.format(
        Locale.ROOT,
        "step %d%s  %d of %d tokens  %,.0f tokens/s",
        step,
        planned.isPresent() ? "/" + planned.getAsInt() : "",
        written,
        total,
        tokensPerSecond());
  }
}
