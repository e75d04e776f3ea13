/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

/** Told how loading a model goes, for progress bars. */
@FunctionalInterface
public interface LoadListener {
  /** Tells nobody. */
  LoadListener NONE = (done, total) -> {};

  /**
   * Some layers more are packed. Called on the thread that opens the engine.
   *
   * @param done layers so far
   * @param total all layers
   */
  void packed(int done, int total);
}
