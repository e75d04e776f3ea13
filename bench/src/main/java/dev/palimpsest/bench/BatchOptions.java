/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How many sequences go through a call together. */
final class BatchOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--sequences",
      defaultValue = "1",
      paramLabel = "S",
      description = "Sequences of --length tokens in the forward (default: ${DEFAULT-VALUE}).")
  private int sequences;

  int sequences() {
    if (sequences < 1) {
      throw new ParameterException(
          spec.commandLine(), "--sequences must be at least 1; found " + sequences);
    }
    return sequences;
  }
}
