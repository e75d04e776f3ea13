/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A shared library of this machine, loaded into the class loader of the generated bindings, whose
 * symbol lookup then finds its functions.
 *
 * @param name what was asked for: a soname or a file name
 * @param path the file that was loaded
 */
public record NativeLibrary(String name, Path path) {

  /** Linux {@code Dl_info}: file name, base address, symbol name, symbol address. */
  private static final MemoryLayout DL_INFO = MemoryLayout.sequenceLayout(4, ValueLayout.ADDRESS);

  /**
   * Finds the first of several sonames that the dynamic linker can load, the way it looks for any
   * dependency (its cache, {@code LD_LIBRARY_PATH}, the standard folders).
   *
   * @param title the library in words, for the answer when there is none
   * @param sonames in order of preference, such as {@code libcuda.so.1}
   * @param anchor a function that the library must export
   */
  @SuppressWarnings("restricted")
  public static LibrarySearch<NativeLibrary> find(
      String title, List<String> sonames, String anchor) {
    List<String> reasons = new ArrayList<>();
    for (String soname : sonames) {
      SymbolLookup symbols;
      try {
        // Opened for good: the path is needed, and System.load below keeps it in use anyway.
        symbols = SymbolLookup.libraryLookup(soname, Arena.global());
      } catch (IllegalArgumentException e) {
        reasons.add(
            soname + ": the dynamic linker cannot load it (not installed, or not on its path)");
        continue;
      }
      Optional<MemorySegment> symbol = symbols.find(anchor);
      if (symbol.isEmpty()) {
        reasons.add(soname + ": loads, but has no function " + anchor);
        continue;
      }
      Optional<Path> file = fileOf(symbol.get());
      if (file.isEmpty()) {
        reasons.add(soname + ": loads, but the file it came from cannot be told");
        continue;
      }
      switch (load(title, soname, file.get())) {
        case Found<NativeLibrary> found -> {
          return found;
        }
        case Missing<NativeLibrary> missing -> reasons.addAll(missing.reasons());
      }
    }
    return new Missing<>(title, reasons.isEmpty() ? List.of("no soname to look for") : reasons);
  }

  /**
   * Loads one file.
   *
   * @param title the library in words, for the answer when it cannot be loaded
   * @param file path of the shared library
   */
  public static LibrarySearch<NativeLibrary> load(String title, Path file) {
    return load(title, String.valueOf(file.getFileName()), file);
  }

  @SuppressWarnings("restricted")
  private static LibrarySearch<NativeLibrary> load(String title, String name, Path file) {
    Path absolute = file.toAbsolutePath();
    if (!Files.isRegularFile(absolute)) {
      return new Missing<>(title, List.of(absolute + ": no such file"));
    }
    try {
      // Into our own class loader: that is where the generated code looks its symbols up.
      System.load(absolute.toString());
    } catch (UnsatisfiedLinkError e) {
      return new Missing<>(title, List.of(absolute + ": " + e.getMessage()));
    }
    return new Found<>(new NativeLibrary(name, absolute));
  }

  /** The address of a function in any library loaded this way. */
  static Optional<MemorySegment> symbol(String function) {
    return SymbolLookup.loaderLookup().find(function);
  }

  /** The file that a loaded symbol came from (Linux {@code dladdr}). */
  @SuppressWarnings("restricted")
  private static Optional<Path> fileOf(MemorySegment symbol) {
    Linker linker = Linker.nativeLinker();
    Optional<MemorySegment> dladdr = linker.defaultLookup().find("dladdr");
    if (dladdr.isEmpty()) {
      return Optional.empty();
    }
    MethodHandle call =
        linker.downcallHandle(
            dladdr.get(),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(DL_INFO);
      if ((int) call.invokeExact(symbol, info) == 0) {
        return Optional.empty();
      }
      MemorySegment name = info.get(ValueLayout.ADDRESS, 0);
      if (name.equals(MemorySegment.NULL)) {
        return Optional.empty();
      }
      return Optional.of(Path.of(name.reinterpret(Long.MAX_VALUE).getString(0)).toAbsolutePath());
    } catch (Throwable e) {
      throw new LinkageError("dladdr", e);
    }
  }
}
