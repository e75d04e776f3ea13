/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
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

  /** Sets all of the device's memory. */
  static void memory(long bytes) {
    call("emulatorSetMemory", FunctionDescriptor.ofVoid(JAVA_LONG), bytes);
  }

  static long memoryUsed() {
    return (long) call("emulatorMemoryUsed", FunctionDescriptor.of(JAVA_LONG));
  }

  /** Launches of a kernel so far, those of graphs included. */
  static long launchesOf(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      return (long)
          call(
              "emulatorLaunchesOf",
              FunctionDescriptor.of(JAVA_LONG, ADDRESS),
              arena.allocateFrom(kernel));
    }
  }

  /** Launches of graphs so far. */
  static long graphLaunches() {
    return (long) call("emulatorGraphLaunches", FunctionDescriptor.of(JAVA_LONG));
  }

  /** Copies between the host and the device so far. */
  static long copies() {
    return (long) call("emulatorCopies", FunctionDescriptor.of(JAVA_LONG));
  }

  /** The CUDA version that the driver tells. */
  static void driverVersion(int version) {
    call("emulatorSetDriverVersion", FunctionDescriptor.ofVoid(JAVA_INT), version);
  }

  /** From now on every call of the driver answers so, as after a kernel that faulted. */
  static void fail(int status) {
    call("emulatorBreak", FunctionDescriptor.ofVoid(JAVA_INT), status);
  }

  /** Forgets failures and settings. */
  static void reset() {
    call("emulatorReset", FunctionDescriptor.ofVoid());
  }

  @SuppressWarnings("restricted")
  private static Object call(String name, FunctionDescriptor descriptor, Object... arguments) {
    SymbolLookup library =
        SymbolLookup.libraryLookup(
            Path.of(System.getProperty(CudaLibrary.PATH_PROPERTY)), Arena.global());
    try {
      return Linker.nativeLinker()
          .downcallHandle(library.findOrThrow(name), descriptor)
          .invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new LinkageError(name, e);
    }
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
