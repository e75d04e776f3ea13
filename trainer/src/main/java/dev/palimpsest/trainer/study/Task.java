/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import java.util.List;

/**
 * Something to be learned from generated rows and measured on what was held out. An instance is a
 * function of its sizes and its seed.
 */
public interface Task {
  /** In one line: what the rows are, what is asked, and what is held out. */
  String describe();

  /** What is learned from. */
  Rows rows();

  /** Measures a trained model, a number for each way to write and each measure. */
  List<Score> measure(Engine engine);

  /** The same measures of the truth itself, where chance alone keeps it from being perfect. */
  default List<Score> truth() {
    return List.of();
  }
}
