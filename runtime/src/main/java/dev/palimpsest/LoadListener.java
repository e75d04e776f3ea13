/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

/** Told how loading a model goes, for progress bars. */
@FunctionalInterface
public interface LoadListener {
  LoadListener NONE = (done, total) -> {};

  /**
   * {@code done} of {@code total} layers are packed. Called on the thread that opens the engine.
   */
  void packed(int done, int total);
}
