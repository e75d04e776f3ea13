/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** llama.cpp's shared libraries in a folder, and their functions by name. Loaded for ever. */
final class LlamaLibraries {
  private static final String BACKEND_PREFIX = "libggml-cpu-";
  private static final String SUFFIX = ".so";
  private static final Linker LINKER = Linker.nativeLinker();

  private final Path folder;
  private final SymbolLookup symbols;

  /**
   * Loads all but the backends.
   *
   * @throws PeerException if they are not there or do not load; the message says what to do
   */
  LlamaLibraries(Path folder) {
    this.folder = folder;
    SymbolLookup base = load(folder, name -> name.startsWith("libggml-base"));
    SymbolLookup ggml =
        load(folder, name -> name.matches("libggml(\\.v?[0-9.]+)?\\.so(\\.[0-9.]+)?"));
    SymbolLookup llama =
        load(folder, name -> name.matches("libllama(\\.v?[0-9.]+)?\\.so(\\.[0-9.]+)?"));
    symbols = llama.or(ggml).or(base);
  }

  /**
   * Names of the CPU backends in a folder, in no particular order.
   *
   * @throws PeerException if there are none
   */
  static List<String> backends(Path folder) {
    List<String> names =
        files(folder)
            .map(file -> file.getFileName().toString())
            .filter(name -> name.startsWith(BACKEND_PREFIX) && name.endsWith(SUFFIX))
            .map(name -> name.substring(BACKEND_PREFIX.length(), name.length() - SUFFIX.length()))
            .toList();
    if (names.isEmpty()) {
      throw missing(folder, "it holds no CPU backends (libggml-cpu-*.so)");
    }
    return names;
  }

  static Path backendFile(Path folder, String backend) {
    return folder.resolve(BACKEND_PREFIX + backend + SUFFIX);
  }

  /**
   * llama.cpp's own opinion of a backend on this processor: the more of it a backend uses, the
   * higher; 0 if it does not run here.
   */
  int score(String backend) {
    try {
      MemorySegment symbol =
          load(backendFile(folder, backend)).find("ggml_backend_score").orElse(null);
      return symbol == null ? 0 : (int) handle(symbol, FunctionDescriptor.of(JAVA_INT)).invoke();
    } catch (Throwable failure) {
      throw rethrown(failure);
    }
  }

  /**
   * A function.
   *
   * @throws PeerException if this build has none of that name
   */
  MethodHandle function(String name, FunctionDescriptor type) {
    MemorySegment symbol =
        symbols.find(name).orElseThrow(() -> missing(folder, "this build has no function " + name));
    return handle(symbol, type);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle handle(MemorySegment symbol, FunctionDescriptor type) {
    return LINKER.downcallHandle(symbol, type);
  }

  private static SymbolLookup load(Path folder, Predicate<String> named) {
    return load(
        files(folder)
            .filter(file -> named.test(file.getFileName().toString()))
            .sorted()
            .findFirst()
            .orElseThrow(() -> missing(folder, "it holds no such files")));
  }

  @SuppressWarnings("restricted")
  private static SymbolLookup load(Path library) {
    try {
      return SymbolLookup.libraryLookup(library.toAbsolutePath(), Arena.global());
    } catch (IllegalArgumentException e) {
      throw missing(
          library.getParent(), library.getFileName() + " does not load: " + e.getMessage());
    }
  }

  private static Stream<Path> files(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList().stream();
    } catch (IOException e) {
      throw missing(folder, "it is no readable folder");
    }
  }

  private static PeerException missing(Path folder, String reason) {
    return new PeerException(
        "llama.cpp's libraries (libllama*.so, libggml*.so, libggml-base*.so) cannot be used from "
            + folder
            + ": "
            + reason
            + "; run bench/peers/llama-cpp/install and pass the folder it prints as --llama-cpp");
  }

  static RuntimeException rethrown(Throwable failure) {
    if (failure instanceof Error error) {
      throw error;
    }
    return failure instanceof RuntimeException known
        ? known
        : new PeerException("llama.cpp: " + failure.getMessage());
  }
}
