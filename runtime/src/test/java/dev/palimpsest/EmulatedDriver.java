/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.bindings.CudaLibrary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Puts the emulator of the kernels module in the place of this JVM's CUDA driver. */
public final class EmulatedDriver {
  private static final Path HOME = Path.of("..", "kernels");
  private static final boolean PRESENT = build();

  private EmulatedDriver() {}

  /** Skips the test where the emulator cannot be built. */
  public static void required() {
    Assumptions.assumeTrue(PRESENT, "no emulator here: see the line above");
  }

  private static boolean build() {
    try {
      Process build =
          new ProcessBuilder(
                  HOME.resolve("src/test/emulator/build").toString(),
                  HOME.resolve("target/emulator").toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String path =
          new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = build.waitFor();
      if (status == 3) {
        System.err.println("The tests on an emulated GPU are skipped: the emulator needs g++.");
        return false;
      }
      if (status != 0) {
        throw new IllegalStateException("the emulator's build fails with status " + status);
      }
      System.setProperty(
          CudaLibrary.PATH_PROPERTY, Path.of(path).toAbsolutePath().normalize().toString());
      return true;
    } catch (IOException e) {
      throw new IllegalStateException("the emulator's build cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
