/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

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

  /**
   * {@link #load} for the file that a system property names, {@link #find} where it names none.
   *
   * @param chosen the property's value; empty for none
   */
  static LibrarySearch<NativeLibrary> search(
      String title, String property, String chosen, List<String> sonames, String anchor) {
    if (chosen.isEmpty()) {
      return find(title, sonames, anchor);
    }
    String knob = "system property " + property + "=" + chosen + ": ";
    Path file;
    try {
      file = Path.of(chosen);
    } catch (InvalidPathException e) {
      return new Missing<>(title, List.of(knob + e.getMessage()));
    }
    return switch (load(title, file, anchor)) {
      case Found<NativeLibrary> found -> found;
      case Missing<NativeLibrary> missing ->
          new Missing<>(title, missing.reasons().stream().map(knob::concat).toList());
    };
  }

  /** A function to call; nothing if the library has none of that name. */
  @SuppressWarnings("restricted")
  Optional<MethodHandle> function(String name, FunctionDescriptor descriptor) {
    return symbols
        .find(name)
        .map(address -> Linker.nativeLinker().downcallHandle(address, descriptor));
  }

  /**
   * Calls a function of ints, longs and addresses that answers an int, linking it anew: for what is
   * called now and then.
   *
   * @return its answer; nothing if the library has none of that name
   */
  OptionalInt call(String name, Object... arguments) {
    FunctionDescriptor descriptor = FunctionDescriptor.of(ValueLayout.JAVA_INT);
    for (Object argument : arguments) {
      descriptor =
          descriptor.appendArgumentLayouts(
              switch (argument) {
                case Integer _ -> ValueLayout.JAVA_INT;
                case Long _ -> ValueLayout.JAVA_LONG;
                default -> ValueLayout.ADDRESS;
              });
    }
    Optional<MethodHandle> function = function(name, descriptor);
    if (function.isEmpty()) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of((int) function.get().invokeWithArguments(arguments));
    } catch (Throwable e) {
      throw new LinkageError(name, e);
    }
  }
}
