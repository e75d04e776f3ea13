/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;

/** A run that does not come to its end. */
public final class StoppedRun {
  private StoppedRun() {}

  /**
   * Trains towards a number of steps, stopped on the way as by a signal.
   *
   * @param stopAt the step it is stopped at; {@code steps} for a run that comes to its end
   */
  public static void train(Path folder, Training.Course course, int steps, int stopAt)
      throws IOException {
    TrainingLoop[] self = new TrainingLoop[1];
    self[0] = loop(folder, course, steps, stopAt, () -> self[0].stop());
    assertEquals(stopAt == steps, self[0].run());
  }

  /** Trains towards a number of steps, and breaks in the one given. */
  static void breakAt(Path folder, Training.Course course, int steps, int at) {
    TrainingLoop loop =
        loop(
            folder,
            course,
            steps,
            at,
            () -> {
              throw new IllegalStateException("broken at step " + at);
            });
    assertThrows(IllegalStateException.class, loop::run);
  }

  /** One that logs every step, saves every fourth, and does something after one of them. */
  private static TrainingLoop loop(
      Path folder, Training.Course course, int steps, int at, Runnable then) {
    PrintStream out =
        new PrintStream(PrintStream.nullOutputStream()) {
          @Override
          public void print(String line) {
            if (line.contains(" step " + at + " ")) {
              then.run();
            }
          }
        };
    return new TrainingLoop(
        folder,
        course,
        new TrainingLoop.Limit(steps, 0, null),
        new TrainingLoop.Rhythm(1, 7, 4),
        out,
        false);
  }
}
