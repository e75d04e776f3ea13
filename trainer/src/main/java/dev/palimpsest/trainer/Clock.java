/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** When a run ends, and how often it says something. */
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

  @Option(names = "--threads", defaultValue = "2", description = "threads that share a batch")
  private int threads;

  @Option(names = "--log-every", defaultValue = "20", description = "steps")
  private int logEvery;

  @Option(
      names = "--evaluate-every",
      defaultValue = "250",
      description = "steps between held-out losses")
  private int evaluateEvery;

  @Option(names = "--checkpoint-every", defaultValue = "250", description = "steps")
  private int checkpointEvery;

  /** Threads that share a batch. */
  public int threads() {
    return threads;
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

  /** How often it logs, measures and writes a checkpoint. */
  public TrainingLoop.Rhythm rhythm() {
    return new TrainingLoop.Rhythm(logEvery, evaluateEvery, checkpointEvery);
  }
}
