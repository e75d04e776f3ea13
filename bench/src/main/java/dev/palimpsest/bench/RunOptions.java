/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What to run and how often: options the forward commands share. */
final class RunOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--length",
      required = true,
      paramLabel = "N",
      description = "Tokens in the forward.")
  private int length;

  @Option(
      names = "--repeat",
      defaultValue = "5",
      paramLabel = "R",
      description = "Timed runs (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--warmup",
      defaultValue = "3",
      paramLabel = "W",
      description = "Untimed runs before them (default: ${DEFAULT-VALUE}).")
  private int warmup;

  @Option(
      names = "--logits",
      defaultValue = "all",
      converter = WantedLogits.Converter.class,
      paramLabel = "all|none|K",
      description =
          "Positions whose logits are computed: all (every row is stored), none, or the last K"
              + " (reduced to predictions as a decoding step does) (default: ${DEFAULT-VALUE}).")
  private WantedLogits logits;

  int length() {
    return atLeast("--length", length, 1);
  }

  int repeat() {
    return atLeast("--repeat", repeat, 1);
  }

  int warmup() {
    return atLeast("--warmup", warmup, 0);
  }

  WantedLogits logits() {
    return logits;
  }

  private int atLeast(String option, int value, int least) {
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(), option + " must be at least " + least + "; found " + value);
    }
    return value;
  }
}
