/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;

/**
 * What all contenders of a study share: the sizes of the transformer that the others are measured
 * by, the rows of a step, the steps.
 *
 * @param hidden width
 * @param layers transformer blocks
 * @param ffn width of the feed-forward layers
 * @param batch rows of a step
 * @param rate peak learning rate
 * @param threads that share a batch
 * @param progress where it is said how far a run is
 */
public record StudyBudget(
    int hidden,
    int layers,
    int heads,
    int ffn,
    int batch,
    double rate,
    long steps,
    boolean bf16,
    int threads,
    PrintStream progress) {
  /** Steps of linear warm-up. */
  public int warmup() {
    return Math.clamp(steps / 20, 1, 200);
  }

  /** Multiply-adds of a position in the transformer's blocks, attention's rows by rows left out. */
  public double multiplyAdds() {
    return layers * (4.0 * hidden * hidden + 3.0 * hidden * ffn);
  }

  /**
   * Trains for a number of steps, or goes on where a run was left.
   *
   * @throws IOException if it was stopped on its way, or cannot go on
   */
  public void train(Path run, Training.Course course, long total) throws IOException {
    int part = (int) Math.max(1, total / 8);
    boolean finished =
        new TrainingLoop(
                run,
                course,
                new TrainingLoop.Limit(total, 0, null),
                new TrainingLoop.Rhythm(part, 4 * part, 4 * part),
                progress,
                false)
            .run();
    if (!finished) {
      throw new IOException("stopped; the same command goes on from here");
    }
  }
}
