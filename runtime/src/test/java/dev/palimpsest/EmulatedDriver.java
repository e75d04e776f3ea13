/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.emulator.EmulatorLibrary;
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

  /** From now on every call of the driver answers so, as after a kernel that faulted. */
  static void fail(int status) {
    EmulatorLibrary.tell("emulatorBreak", status);
  }

  /** Forgets failures and settings. */
  static void reset() {
    EmulatorLibrary.tell("emulatorReset");
  }
}
