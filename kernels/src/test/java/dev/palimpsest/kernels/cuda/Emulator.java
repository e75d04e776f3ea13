/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.emulator.EmulatorLibrary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/**
 * The emulator in the place of the CUDA driver of this JVM, and what tests tell it beside the
 * driver's own calls.
 */
final class Emulator {
  /** System property: {@code true} runs the tests on the GPU of this machine instead. */
  static final String CHIP_PROPERTY = "palimpsest.test.chip";

  private static final boolean CHIP = Boolean.getBoolean(CHIP_PROPERTY);

  private Emulator() {}

  /** Builds and loads it; a machine without g++ skips the test with a line that says so. */
  static void required() {
    if (CHIP) {
      Chip.open();
      return;
    }
    Assumptions.assumeTrue(EmulatorLibrary.present(), "no emulator here: see the line above");
    reset();
  }

  /**
   * Keeps the GPU's primary context for the JVM's life. It would end with each test's device, and
   * another take longer to make than most tests run.
   */
  private static final class Chip {
    static {
      CudaLibrary.find().orThrow();
      try {
        JCudaLibrary.load();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      new CudaContext(0, true);
    }

    static void open() {}
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

  private static Object ask(MemoryLayout result, String name, Object... arguments) {
    Assumptions.assumeFalse(CHIP, "only the emulator tells: " + name);
    return EmulatorLibrary.ask(result, name, arguments);
  }

  private static void tell(String name, Object... arguments) {
    Assumptions.assumeFalse(CHIP, "only the emulator is told: " + name);
    EmulatorLibrary.tell(name, arguments);
  }

  /** Why the last launch failed. */
  @SuppressWarnings("restricted")
  static String failure() {
    return ((MemorySegment) ask(ADDRESS, "emulatorFailure"))
        .reinterpret(Long.MAX_VALUE)
        .getString(0);
  }

  /** The schedule of the launches that follow. */
  static void seed(long seed) {
    if (!CHIP) {
      EmulatorLibrary.tell("emulatorSeed", seed);
    }
  }

  /** Forgets a failed kernel, and all that was set. */
  static void reset() {
    if (!CHIP) {
      EmulatorLibrary.tell("emulatorReset");
    }
  }

  static void devices(int count) {
    tell("emulatorSetDevices", count);
  }

  static void driverVersion(int version) {
    tell("emulatorSetDriverVersion", version);
  }

  /** Compute capability, 90 for 9.0. */
  static void capability(int capability) {
    tell("emulatorSetCapability", capability);
  }

  /** All of the device's memory. */
  static void memory(long bytes) {
    tell("emulatorSetMemory", bytes);
  }

  /** What loading a module answers. */
  static void moduleStatus(int status) {
    tell("emulatorSetModuleStatus", status);
  }

  static long memoryUsed() {
    return (long) ask(JAVA_LONG, "emulatorMemoryUsed");
  }

  static long launches() {
    return (long) ask(JAVA_LONG, "emulatorLaunches");
  }

  /** Copies between host and device so far. */
  static long copies() {
    return (long) ask(JAVA_LONG, "emulatorCopies");
  }

  /** Launches of one kernel so far. */
  static long launchesOf(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      return (long) ask(JAVA_LONG, "emulatorLaunchesOf", arena.allocateFrom(kernel).address());
    }
  }

  /** Handles of the library that stands in for cuBLASLt. */
  static int cublasHandles() {
    return (int) ask(JAVA_INT, "emulatorCublasHandles");
  }

  /** Launches that were allowed to begin before the one ahead of them had ended. */
  static long overlapping() {
    return (long) ask(JAVA_LONG, "emulatorOverlapping");
  }

  /** Graphs launched so far; 0 on a GPU, where nobody counts. */
  static long graphLaunches() {
    return CHIP ? 0 : (long) ask(JAVA_LONG, "emulatorGraphLaunches");
  }

  /** So many graphs have been launched since there were {@code before}; on a GPU nobody knows. */
  static void replayed(long expected, long before) {
    if (!CHIP) {
      Assertions.assertEquals(expected, graphLaunches() - before);
    }
  }
}
