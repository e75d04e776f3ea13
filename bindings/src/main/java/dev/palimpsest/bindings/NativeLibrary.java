/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A shared library that is loaded, for the rest of the process.
 *
 * @param name what was asked for: a soname or a path
 * @param path the file that was loaded
 * @param symbols its functions and those of the libraries it depends on
 */
public record NativeLibrary(String name, Path path, SymbolLookup symbols) {

  /**
   * Finds the first of several sonames that the dynamic linker can load, the way it looks for any
   * dependency (its cache, {@code LD_LIBRARY_PATH}, the standard folders). Linux only.
   *
   * @param title the library in words, for the answer when there is none
   * @param sonames in order of preference, such as {@code libcuda.so.1}; a name with a slash is a
   *     path
   * @param anchor a function that the library must export
   */
  public static LibrarySearch<NativeLibrary> find(
      String title, List<String> sonames, String anchor) {
    String os = System.getProperty("os.name", "unknown");
    if (!os.startsWith("Linux")) {
      return new Missing<>(
          title, List.of("this system is " + os + ": native libraries are used on Linux only"));
    }
    List<String> reasons = new ArrayList<>();
    for (String soname : sonames) {
      DynamicLinker.Opened opened;
      try {
        opened = DynamicLinker.open(soname);
      } catch (IllegalCallerException e) {
        return new Missing<>(
            title,
            List.of(
                "this JVM forbids native access ("
                    + e.getMessage()
                    + "): start it with --enable-native-access=ALL-UNNAMED"));
      }
      if (opened.symbols().isEmpty()) {
        reasons.add(
            opened.error().startsWith(soname) ? opened.error() : soname + ": " + opened.error());
        continue;
      }
      SymbolLookup symbols = opened.symbols().get();
      Optional<MemorySegment> symbol = symbols.find(anchor);
      if (symbol.isEmpty()) {
        reasons.add(soname + ": loads, but has no function " + anchor);
        continue;
      }
      Path file = DynamicLinker.fileOf(symbol.get()).orElse(Path.of(soname));
      return new Found<>(new NativeLibrary(soname, file, symbols));
    }
    return new Missing<>(title, reasons.isEmpty() ? List.of("no soname to look for") : reasons);
  }

  /** {@link #find} for one file. */
  public static LibrarySearch<NativeLibrary> load(String title, Path file, String anchor) {
    return find(title, List.of(file.toAbsolutePath().toString()), anchor);
  }
}
