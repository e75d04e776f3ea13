/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;

/**
 * NVIDIA's management library (NVML), which comes with the driver and tells of clocks, power and
 * memory. Written by hand: a dozen functions of plain arguments. Its absence is an ordinary answer,
 * and so is a number that a device does not tell.
 */
public final class NvmlLibrary {
  /** System property: path of the library to use instead of the installed one. */
  public static final String PATH_PROPERTY = "palimpsest.nvml.path";

  /** The names looked for, in order. */
  public static final List<String> SONAMES =
      List.of("libnvidia-ml.so.1", "libnvidia-ml.so", "/usr/lib/wsl/lib/libnvidia-ml.so.1");

  private static final String TITLE = "NVML";
  private static final int TEXT_BYTES = 96;

  private final NativeLibrary library;

  private NvmlLibrary(NativeLibrary library) {
    this.library = library;
  }

  /** Loads and initialises it; the process keeps it. */
  public static LibrarySearch<NvmlLibrary> find() {
    return search(System.getProperty(PATH_PROPERTY, ""), SONAMES);
  }

  static LibrarySearch<NvmlLibrary> search(String chosen, List<String> sonames) {
    return switch (NativeLibrary.search(TITLE, PATH_PROPERTY, chosen, sonames, "nvmlInit_v2")) {
      case Missing<NativeLibrary> missing -> new Missing<>(TITLE, missing.reasons());
      case Found<NativeLibrary>(NativeLibrary library) -> initialised(new NvmlLibrary(library));
    };
  }

  private static LibrarySearch<NvmlLibrary> initialised(NvmlLibrary nvml) {
    int status = nvml.call("nvmlInit_v2");
    return status == 0
        ? new Found<>(nvml)
        : new Missing<>(
            TITLE, List.of(nvml.library.path() + ": nvmlInit_v2 answers " + nvml.text(status)));
  }

  /** The driver's version, such as {@code 580.159.04}. */
  public Optional<String> driverVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(TEXT_BYTES);
      return call("nvmlSystemGetDriverVersion", text, TEXT_BYTES) == 0
          ? Optional.of(text.getString(0))
          : Optional.empty();
    }
  }

  /**
   * A device by its number here, which need not be CUDA's: prefer {@link #deviceAt}.
   *
   * @param index from 0
   */
  public LibrarySearch<NvmlDevice> device(int index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      return device(
          "nvmlDeviceGetHandleByIndex_v2(" + index + ")",
          call("nvmlDeviceGetHandleByIndex_v2", index, handle),
          handle);
    }
  }

  /** The device at a PCI bus address, as {@code cuDeviceGetPCIBusId} tells it. */
  public LibrarySearch<NvmlDevice> deviceAt(String pciBusId) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      return device(
          "nvmlDeviceGetHandleByPciBusId_v2(" + pciBusId + ")",
          call("nvmlDeviceGetHandleByPciBusId_v2", arena.allocateFrom(pciBusId), handle),
          handle);
    }
  }

  private LibrarySearch<NvmlDevice> device(String call, int status, MemorySegment handle) {
    return status == 0
        ? new Found<>(new NvmlDevice(this, handle.get(ADDRESS, 0)))
        : new Missing<>("an NVML device", List.of(call + " answers " + text(status)));
  }

  /** A status in words. */
  private String text(int status) {
    Optional<MethodHandle> function =
        library.function("nvmlErrorString", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    if (function.isEmpty()) {
      return "status " + status;
    }
    try {
      MemorySegment text = (MemorySegment) function.get().invokeExact(status);
      return DynamicLinker.text(text) + " (" + status + ")";
    } catch (Throwable e) {
      throw new LinkageError("nvmlErrorString", e);
    }
  }

  /** NVML's "function not found": what a library without it would answer. */
  private static final int FUNCTION_NOT_FOUND = 13;

  /** Calls a function of ints and addresses; one that is not there answers so. */
  int call(String name, Object... arguments) {
    return library.call(name, arguments).orElse(FUNCTION_NOT_FOUND);
  }
}
