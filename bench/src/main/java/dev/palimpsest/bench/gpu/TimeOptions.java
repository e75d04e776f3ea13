/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import picocli.CommandLine.Option;

/** How long a part of several measurements may take. */
final class TimeOptions {
  @Option(
      names = "--seconds",
      defaultValue = "120",
      paramLabel = "N",
      description =
          "Begin nothing new after so many seconds (default: ${DEFAULT-VALUE}); what was measured by"
              + " then is written.")
  private int seconds;

  private final long begun = System.nanoTime();

  /** Whether there is time for more. */
  boolean timeLeft() {
    return System.nanoTime() - begun < seconds * 1_000_000_000L;
  }
}
