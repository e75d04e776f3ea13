/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.LoadListener;
import java.io.InputStream;
import java.nio.file.Path;

/**
 * What the commands touch of the world around them.
 *
 * @param opener loads models
 * @param terminal where output goes
 * @param input standard input
 * @param home the installation's root, where {@code models/} is
 */
record Machine(Opener opener, Terminal terminal, InputStream input, Path home) {
  /** Loads a model. */
  @FunctionalInterface
  interface Opener {
    Engine open(Path model, EngineOptions options, LoadListener listener);
  }

  /** The machine this JVM runs on. */
  static Machine here() {
    return new Machine(
        Engine::open,
        PosixTerminal.detect(),
        System.in,
        Path.of(System.getProperty("palimpsest.home", ".")));
  }

  /** The model that comes with the program. */
  Path defaultModel() {
    return home.resolve("models").resolve("java-tiny");
  }
}
