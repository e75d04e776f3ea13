/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.nio.file.Path;
import java.util.List;

/**
 * cuBLAS of CUDA 12, loaded for those who are linked against it: once it is loaded, wherever it
 * lies, the dynamic linker gives it to whoever needs a library of its name. The functions are asked
 * for before, because a library that is linked lazily ends the process at a call of one that is not
 * there.
 */
public final class CublasLibrary {
  /** The names looked for, in {@link CudaFolders} and where the linker looks. */
  public static final List<String> SONAMES = List.of("libcublas.so.12");

  private static final String TITLE = "cuBLAS of CUDA 12";

  private CublasLibrary() {}

  /**
   * Finds and loads it.
   *
   * @param functions that will be called, at least one
   */
  public static LibrarySearch<NativeLibrary> load(List<String> functions) {
    return load(CudaFolders.here(), SONAMES, functions);
  }

  static LibrarySearch<NativeLibrary> load(
      List<Path> folders, List<String> sonames, List<String> functions) {
    List<String> names = CudaFolders.candidates(folders, sonames);
    return switch (NativeLibrary.find(TITLE, names, functions.getFirst())) {
      case Missing<NativeLibrary> missing -> missing;
      case Found<NativeLibrary>(NativeLibrary library) -> {
        List<String> lacking =
            functions.stream().filter(name -> library.symbols().find(name).isEmpty()).toList();
        yield lacking.isEmpty()
            ? new Found<>(library)
            : new Missing<>(
                TITLE, List.of(library.path() + ": has no " + String.join(", ", lacking)));
      }
    };
  }
}
