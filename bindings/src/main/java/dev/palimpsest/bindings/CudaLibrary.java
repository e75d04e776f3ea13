/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;

/**
 * The CUDA driver, loaded and initialised. Calls go to the generated {@link Cuda}; none may be made
 * before {@link #find} has answered {@link Found}.
 *
 * <p>Drivers differ in age: a function that not every supported driver has is asked for with {@link
 * #has} before its first call, because the generated code fails at its first use when the driver
 * lacks it.
 */
public final class CudaLibrary {
  /** System property: path of the driver library to use instead of the installed one. */
  public static final String PATH_PROPERTY = "palimpsest.cuda.path";

  /** The names looked for, in order; the last is where Windows Subsystem for Linux keeps it. */
  public static final List<String> SONAMES =
      List.of("libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1");

  private static final String TITLE = "the CUDA driver";
  private static final String ANCHOR = "cuInit";
  private static final String VERSION = "cuDriverGetVersion";

  private final NativeLibrary library;

  private CudaLibrary(NativeLibrary library) {
    this.library = library;
  }

  /**
   * Looks for the driver once per JVM, loads it and calls {@code cuInit}; later calls give the same
   * answer. A driver that does not initialise (no device, a stub library) is missing too, with the
   * name of its status.
   */
  public static LibrarySearch<CudaLibrary> find() {
    return Once.ANSWER;
  }

  private static final class Once {
    static final LibrarySearch<CudaLibrary> ANSWER =
        search(System.getProperty(PATH_PROPERTY, ""), SONAMES);
  }

  /** The file that was loaded. */
  public Path path() {
    return library.path();
  }

  /** The CUDA version that the driver supports: 1000 × major + 10 × minor, 13000 for 13.0. */
  public int version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment version = arena.allocate(ValueLayout.JAVA_INT);
      CudaDriver.check(Cuda.cuDriverGetVersion(version), VERSION);
      return version.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /**
   * Whether the driver exports a function of the generated bindings, such as {@code
   * cuCtxCreate_v4}.
   */
  public boolean has(String function) {
    return library.symbols().find(function).isPresent();
  }

  /**
   * The functions of the generated bindings that this driver is too old for; empty with driver
   * 13.0.
   */
  public List<String> missingFunctions() {
    return IncludeList.read("cuda.includes").missingFunctions(library.symbols());
  }

  static LibrarySearch<CudaLibrary> search(String chosen, List<String> sonames) {
    return switch (NativeLibrary.search(TITLE, PATH_PROPERTY, chosen, sonames, ANCHOR)) {
      case Found<NativeLibrary>(NativeLibrary library) -> initialised(library);
      case Missing<NativeLibrary> missing -> new Missing<>(TITLE, missing.reasons());
    };
  }

  private static LibrarySearch<CudaLibrary> initialised(NativeLibrary library) {
    if (library.symbols().find(VERSION).isEmpty()) {
      return new Missing<>(
          TITLE, List.of(library.path() + ": is not a CUDA driver: it has no " + VERSION));
    }
    LibraryBinding.CUDA.bind(library.symbols());
    CudaStatus status = new CudaStatus(Cuda.cuInit(0));
    if (!status.success()) {
      return new Missing<>(
          TITLE,
          List.of(
              library.path() + ": cuInit answers " + status.name() + " (" + status.code() + ")"));
    }
    CudaLibrary driver = new CudaLibrary(library);
    try {
      driver.version();
      return new Found<>(driver);
    } catch (CudaException e) {
      return new Missing<>(TITLE, List.of(library.path() + ": " + e.getMessage()));
    }
  }
}
