/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.emulator.EmulatorLibrary;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Assumptions;

/** The emulator in the place of this JVM's CUDA driver, and what tests tell it. */
public final class EmulatedDriver {
  private EmulatedDriver() {}

  /** Skips the test where the emulator cannot be built. */
  public static void required() {
    Assumptions.assumeTrue(EmulatorLibrary.present(), "no emulator here: see the line above");
  }

  /** Sets all of the device's memory. */
  static void memory(long bytes) {
    EmulatorLibrary.tell("emulatorSetMemory", bytes);
  }

  static long memoryUsed() {
    return (long) EmulatorLibrary.ask(JAVA_LONG, "emulatorMemoryUsed");
  }

  /** Launches of a kernel so far, those of graphs included. */
  static long launchesOf(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      return (long)
          EmulatorLibrary.ask(
              JAVA_LONG, "emulatorLaunchesOf", arena.allocateFrom(kernel).address());
    }
  }

  /** Launches of graphs so far. */
  static long graphLaunches() {
    return (long) EmulatorLibrary.ask(JAVA_LONG, "emulatorGraphLaunches");
  }

  /** Graphs that were made ready to be launched, so far. */
  static long graphsMade() {
    return (long) EmulatorLibrary.ask(JAVA_LONG, "emulatorGraphsMade");
  }

  /** Copies between the host and the device so far. */
  static long copies() {
    return (long) EmulatorLibrary.ask(JAVA_LONG, "emulatorCopies");
  }

  /** The CUDA version that the driver tells. */
  static void driverVersion(int version) {
    EmulatorLibrary.tell("emulatorSetDriverVersion", version);
  }

  /** From now on every call of the driver answers so, as after a kernel that faulted. */
  static void fail(int status) {
    EmulatorLibrary.tell("emulatorBreak", status);
  }

  /** Forgets failures and settings. */
  static void reset() {
    EmulatorLibrary.tell("emulatorReset");
  }
}
