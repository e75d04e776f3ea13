/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** When a run ends, and its {@link Pace}. */
public final class Clock {
  @Option(names = "--steps", defaultValue = "0", description = "total steps; 0: by time")
  private long steps;

  @Option(
      names = "--max-minutes",
      defaultValue = "120",
      description = "total training time over all resumes; the learning rate decays over it")
  private double minutes;

  @Option(
      names = "--until",
      paramLabel = "HH:MM",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "end at this time of day instead, whatever the speed")
  private Optional<LocalTime> until = Optional.empty();

  @Mixin private Pace pace;

  /** Threads of the run, and how often it says something. */
  public Pace pace() {
    return pace;
  }

  /** When the run ends. */
  public TrainingLoop.Limit limit() {
    LocalDateTime end =
        until
            .map(
                t -> {
                  LocalDateTime today = LocalDateTime.now().with(t);
                  return today.isBefore(LocalDateTime.now()) ? today.plusDays(1) : today;
                })
            .orElse(null);
    return new TrainingLoop.Limit(steps, minutes, end);
  }
}
