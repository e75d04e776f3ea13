/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import java.io.IOException;
import java.nio.file.Path;

/** A kind of model, trained with the same data and the same budget as the others. */
public interface Contender {
  /** As the command line and the tables write it. */
  String name();

  /**
   * Trains a model, or goes on where it was left.
   *
   * @param folder of this model alone
   * @param rows folder that {@link Rows#write} has written
   * @param length tokens of a row
   */
  Trained train(Path folder, Path rows, int length, long seed) throws IOException;

  /**
   * What came of it.
   *
   * @param model folder that the runtime reads
   * @param tokens tokens of all rows seen, padding included
   * @param seconds of training
   */
  record Trained(Path model, long parameters, long steps, long tokens, double seconds) {}
}
