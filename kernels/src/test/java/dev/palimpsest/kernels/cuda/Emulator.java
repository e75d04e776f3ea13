/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;

/**
 * The emulator ({@code src/test/emulator}), built once and put in the place of the CUDA driver of
 * this JVM, and what tests tell it beside the driver's own calls.
 */
@SuppressWarnings("restricted")
final class Emulator {
  /** System property: {@code true} runs the tests on the GPU of this machine instead. */
  static final String CHIP_PROPERTY = "palimpsest.test.chip";

  /** System property: path of an emulator that was built before. */
  static final String LIBRARY_PROPERTY = "palimpsest.test.emulator";

  private static final boolean CHIP = Boolean.getBoolean(CHIP_PROPERTY);
  private static final Optional<SymbolLookup> LIBRARY = CHIP ? Optional.empty() : load();

  private Emulator() {}

  /** Builds and loads it; a machine without g++ skips the test with a line that says so. */
  static void required() {
    if (CHIP) {
      return;
    }
    Assumptions.assumeTrue(LIBRARY.isPresent(), "no emulator here: see the line above");
    reset();
  }

  /** Skips a test on a GPU: it breaks the driver, or asks for what only the emulator tells. */
  static void only() {
    Assumptions.assumeFalse(CHIP, "only the emulator can do this");
    required();
  }

  /** Whether the tests run on the GPU of this machine. */
  static boolean chip() {
    return CHIP;
  }

  private static Optional<SymbolLookup> load() {
    String built = System.getProperty(LIBRARY_PROPERTY, "");
    if (!built.isEmpty()) {
      return Optional.of(driver(Path.of(built)));
    }
    try {
      Process build =
          new ProcessBuilder("src/test/emulator/build", "target/emulator")
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String path =
          new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = build.waitFor();
      if (status == 3) {
        System.err.println("The tests of CUDA kernels are skipped: the emulator needs g++.");
        return Optional.empty();
      }
      if (status != 0) {
        throw new IllegalStateException("src/test/emulator/build fails with status " + status);
      }
      return Optional.of(driver(Path.of(path)));
    } catch (IOException e) {
      throw new IllegalStateException("src/test/emulator/build cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static SymbolLookup driver(Path library) {
    System.setProperty(CudaLibrary.PATH_PROPERTY, library.toAbsolutePath().toString());
    return SymbolLookup.libraryLookup(library.toAbsolutePath(), Arena.global());
  }

  private static Object call(String name, MemoryLayout result, Object... arguments) {
    Assumptions.assumeFalse(CHIP, "only the emulator tells: " + name);
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      layouts[i] = arguments[i] instanceof Integer ? JAVA_INT : JAVA_LONG;
    }
    FunctionDescriptor descriptor =
        result == null
            ? FunctionDescriptor.ofVoid(layouts)
            : FunctionDescriptor.of(result, layouts);
    MethodHandle handle =
        Linker.nativeLinker().downcallHandle(LIBRARY.orElseThrow().findOrThrow(name), descriptor);
    try {
      return handle.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new LinkageError(name, e);
    }
  }

  /** Why the last launch failed. */
  static String failure() {
    return ((MemorySegment) call("emulatorFailure", ADDRESS))
        .reinterpret(Long.MAX_VALUE)
        .getString(0);
  }

  /** The schedule of the launches that follow. */
  static void seed(long seed) {
    if (!CHIP) {
      call("emulatorSeed", null, seed);
    }
  }

  /** Forgets a failed kernel, and all that was set. */
  static void reset() {
    if (!CHIP) {
      call("emulatorReset", null);
    }
  }

  static void devices(int count) {
    call("emulatorSetDevices", null, count);
  }

  static void driverVersion(int version) {
    call("emulatorSetDriverVersion", null, version);
  }

  /** Compute capability, 90 for 9.0. */
  static void capability(int capability) {
    call("emulatorSetCapability", null, capability);
  }

  /** All of the device's memory. */
  static void memory(long bytes) {
    call("emulatorSetMemory", null, bytes);
  }

  /** What loading a module answers. */
  static void moduleStatus(int status) {
    call("emulatorSetModuleStatus", null, status);
  }

  static long memoryUsed() {
    return (long) call("emulatorMemoryUsed", JAVA_LONG);
  }

  static long launches() {
    return (long) call("emulatorLaunches", JAVA_LONG);
  }

  /** Copies between host and device so far. */
  static long copies() {
    return (long) call("emulatorCopies", JAVA_LONG);
  }

  /** Launches of one kernel so far. */
  static long launchesOf(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      return (long) call("emulatorLaunchesOf", JAVA_LONG, arena.allocateFrom(kernel).address());
    }
  }

  /** Handles of the library that stands in for cuBLASLt. */
  static int cublasHandles() {
    return (int) call("emulatorCublasHandles", JAVA_INT);
  }

  /** Launches that were allowed to begin before the one ahead of them had ended. */
  static long overlapping() {
    return (long) call("emulatorOverlapping", JAVA_LONG);
  }

  static long graphLaunches() {
    return (long) call("emulatorGraphLaunches", JAVA_LONG);
  }
}
