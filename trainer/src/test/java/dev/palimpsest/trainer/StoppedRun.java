/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;

/** A run that is stopped on its way, as by a signal. */
public final class StoppedRun {
  private StoppedRun() {}

  /**
   * Trains towards a number of steps.
   *
   * @param stopAt the step it is stopped at; {@code steps} for a run that comes to its end
   */
  public static void train(Path folder, Training.Course course, int steps, int stopAt)
      throws IOException {
    TrainingLoop[] self = new TrainingLoop[1];
    PrintStream out =
        new PrintStream(PrintStream.nullOutputStream()) {
          @Override
          public void print(String line) {
            if (line.contains(" step " + stopAt + " ")) {
              self[0].stop();
            }
          }
        };
    self[0] =
        new TrainingLoop(
            folder,
            course,
            new TrainingLoop.Limit(steps, 0, null),
            new TrainingLoop.Rhythm(1, 7, 4),
            out,
            false);
    assertEquals(stopAt == steps, self[0].run());
  }
}
