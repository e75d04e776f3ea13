/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** A library of {@code src/test/native}, built for tests in the place of one that is not here. */
final class FakeLibrary {
  private FakeLibrary() {}

  /** Builds it as {@code name}; a machine without g++ skips the test. */
  static Path build(String source, String name) throws IOException, InterruptedException {
    Path out = Files.createDirectories(Path.of("target", "native")).resolve(name);
    Process compiler;
    try {
      compiler =
          new ProcessBuilder(
                  "g++",
                  "-std=c++17",
                  "-shared",
                  "-fPIC",
                  "-Wall",
                  "-Werror",
                  "-o",
                  out.toString(),
                  "src/test/native/" + source)
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      return Assumptions.abort("no g++ here: " + e.getMessage());
    }
    String text = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (compiler.waitFor() != 0) {
      throw new IllegalStateException(source + " does not compile: " + text);
    }
    return out.toAbsolutePath();
  }
}
