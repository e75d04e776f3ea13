/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Something that a {@link TrainingLoop} moves a step at a time. */
public interface Training extends AutoCloseable {
  /**
   * What a step came to.
   *
   * @param parts numbers for the log beside the loss, by name
   */
  record Step(double loss, double gradientNorm, double rate, Map<String, Double> parts) {}

  /**
   * What held-out rows say.
   *
   * @param values numbers for the log, by name
   * @param text for the reader
   */
  record HeldOut(Map<String, Double> values, String text) {}

  /** How a run begins. */
  interface Course {
    /** What is trained, for the reader. */
    String title();

    /** Whether a run begins with random weights, rather than those of a model. */
    default boolean fromScratch() {
      return true;
    }

    /** A run at its beginning. */
    Training begin() throws IOException;

    /**
     * A run where it was left.
     *
     * @throws IOException when the checkpoint is not whole, or of other settings
     */
    Resumed resume(Path checkpoint) throws IOException;
  }

  /**
   * A run that goes on.
   *
   * @param seconds training time so far
   */
  record Resumed(Training training, double seconds) {}

  /** Steps done. */
  long step();

  /** Tokens that a step sees. */
  int tokensPerStep();

  /**
   * Trains on one batch.
   *
   * @param progress share of the run that is done, for the learning rate and the schedules
   */
  Step train(double progress);

  /** Measures the averaged weights on held-out rows, the same ones each time. */
  HeldOut evaluate();

  /** Writes all that the run needs to go on from here. */
  void save(Path file, double seconds, double progress);

  @Override
  void close();
}
