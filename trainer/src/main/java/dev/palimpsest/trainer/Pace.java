/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import picocli.CommandLine.Option;

/** Threads of a run, and how often it says something. */
public final class Pace {
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

  /** How often it logs, measures and writes a checkpoint. */
  public TrainingLoop.Rhythm rhythm() {
    return new TrainingLoop.Rhythm(logEvery, evaluateEvery, checkpointEvery);
  }
}
