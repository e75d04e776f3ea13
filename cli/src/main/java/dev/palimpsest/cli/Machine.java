/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.LoadListener;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
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

  /**
   * All of standard input, as text.
   *
   * @throws IllegalArgumentException if it is not UTF-8
   */
  String inputText() throws IOException {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(input.readAllBytes()))
          .toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("standard input is not UTF-8 text", e);
    }
  }

  /** The model that comes with the program. */
  Path defaultModel() {
    return home.resolve("models").resolve("java-tiny");
  }
}
