/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** What NVML tells of one device; a number that the device does not tell is empty. */
public final class NvmlDevice {
  private static final int TEXT_BYTES = 96;
  private static final int SM = 1;
  private static final int MEMORY = 2;

  /** {@code nvmlMemory_t}: total, free, used. */
  private static final int MEMORY_BYTES = 24;

  private final NvmlLibrary library;
  private final MemorySegment handle;

  NvmlDevice(NvmlLibrary library, MemorySegment handle) {
    this.library = library;
    this.handle = handle;
  }

  public Optional<String> name() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(TEXT_BYTES);
      return library.call("nvmlDeviceGetName", handle, text, TEXT_BYTES) == 0
          ? Optional.of(text.getString(0))
          : Optional.empty();
    }
  }

  /** Bytes of memory that are used, by everybody. */
  public OptionalLong usedBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(MEMORY_BYTES, 8);
      return library.call("nvmlDeviceGetMemoryInfo", handle, memory) == 0
          ? OptionalLong.of(memory.get(JAVA_LONG, 16))
          : OptionalLong.empty();
    }
  }

  /** MHz of the multiprocessors now. */
  public OptionalInt clock() {
    return number("nvmlDeviceGetClockInfo", SM);
  }

  /** Most MHz of the multiprocessors. */
  public OptionalInt maxClock() {
    return number("nvmlDeviceGetMaxClockInfo", SM);
  }

  /** MHz of the memory now. */
  public OptionalInt memoryClock() {
    return number("nvmlDeviceGetClockInfo", MEMORY);
  }

  /** Most MHz of the memory. */
  public OptionalInt maxMemoryClock() {
    return number("nvmlDeviceGetMaxClockInfo", MEMORY);
  }

  /** Degrees Celsius of the chip. */
  public OptionalInt temperature() {
    return number("nvmlDeviceGetTemperature", 0);
  }

  /** Watts drawn now. */
  public OptionalDouble watts() {
    return thousandth(number("nvmlDeviceGetPowerUsage"));
  }

  /** Watts it may draw. */
  public OptionalDouble wattsAllowed() {
    return thousandth(number("nvmlDeviceGetEnforcedPowerLimit"));
  }

  /** Joules drawn since the driver was loaded. */
  public OptionalDouble joules() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      return library.call("nvmlDeviceGetTotalEnergyConsumption", handle, value) == 0
          ? OptionalDouble.of(value.get(JAVA_LONG, 0) / 1000.0)
          : OptionalDouble.empty();
    }
  }

  private static OptionalDouble thousandth(OptionalInt value) {
    return value.isPresent()
        ? OptionalDouble.of(value.getAsInt() / 1000.0)
        : OptionalDouble.empty();
  }

  private OptionalInt number(String function, Object... which) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_INT);
      Object[] arguments = new Object[which.length + 2];
      arguments[0] = handle;
      System.arraycopy(which, 0, arguments, 1, which.length);
      arguments[arguments.length - 1] = value;
      return library.call(function, arguments) == 0
          ? OptionalInt.of(value.get(JAVA_INT, 0))
          : OptionalInt.empty();
    }
  }
}
