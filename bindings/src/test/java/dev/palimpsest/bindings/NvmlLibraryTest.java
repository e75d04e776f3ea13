/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class NvmlLibraryTest {
  @Test
  void tellsWhatTheDeviceTells() throws IOException, InterruptedException {
    Path fake = FakeLibrary.build("nvml.cpp", "libnvidia-ml.so.1");
    NvmlLibrary nvml = NvmlLibrary.search(fake.toString(), List.of()).orThrow();
    assertEquals(Optional.of("580.1"), nvml.driverVersion());
    NvmlDevice device = nvml.deviceAt("0000:01:00.0").orThrow();
    assertEquals(Optional.of("fake GPU"), device.name());
    assertEquals(OptionalLong.of(2L << 32), device.usedBytes());
    assertEquals(OptionalInt.of(1410), device.clock());
    assertEquals(OptionalInt.of(1980), device.maxClock());
    assertEquals(OptionalInt.of(2619), device.memoryClock());
    assertEquals(OptionalInt.of(2620), device.maxMemoryClock());
    assertEquals(OptionalDouble.of(123.456), device.watts());
    assertEquals(OptionalDouble.of(5000000000.123), device.joules());
    // Not supported by the device, and not in the library.
    assertEquals(OptionalInt.empty(), device.temperature());
    assertEquals(OptionalDouble.empty(), device.wattsAllowed());
    assertTrue(nvml.device(0).toOptional().isPresent());
    assertTrue(assertInstanceOf(Missing.class, nvml.device(7)).message().contains("Not Found (6)"));
    assertTrue(
        assertInstanceOf(Missing.class, nvml.deviceAt("x")).message().contains("BusId_v2(x)"));
  }

  @Test
  void whatIsMissingIsAnAnswer() {
    assertTrue(
        assertInstanceOf(Missing.class, NvmlLibrary.search("", List.of("libnone.so.1")))
            .message()
            .contains("libnone.so.1"));
    assertTrue(
        assertInstanceOf(Missing.class, NvmlLibrary.search("", List.of("libc.so.6")))
            .message()
            .contains("nvmlInit_v2"));
    assertTrue(
        assertInstanceOf(Missing.class, NvmlLibrary.search("/no/such/file", List.of()))
            .message()
            .startsWith(
                "NVML is not available: system property palimpsest.nvml.path=/no/such/file"));
  }
}
