/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * The OpenMP runtime under oneDNN. Our own threads do the parallel work and each calls oneDNN
 * single-threaded, so the runtime must neither start threads of its own nor spin.
 */
final class OpenMp {
  private OpenMp() {}

  /**
   * Asks a runtime that is not loaded yet to wait passively. Variables that the user has set are
   * left alone.
   */
  @SuppressWarnings("restricted")
  static void waitPassively() {
    Linker linker = Linker.nativeLinker();
    Optional<MemorySegment> setenv = linker.defaultLookup().find("setenv");
    if (setenv.isEmpty()) {
      return; // not a POSIX C library: the runtime's own defaults stand
    }
    MethodHandle call =
        linker.downcallHandle(
            setenv.get(),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      int keepExisting = 0;
      int first =
          (int)
              call.invokeExact(
                  arena.allocateFrom("OMP_WAIT_POLICY"),
                  arena.allocateFrom("passive"),
                  keepExisting);
      int second =
          (int)
              call.invokeExact(
                  arena.allocateFrom("GOMP_SPINCOUNT"), arena.allocateFrom("0"), keepExisting);
      if (first != 0 || second != 0) {
        System.getLogger(OpenMp.class.getName())
            .log(System.Logger.Level.WARNING, "setenv failed: idle OpenMP threads may spin");
      }
    } catch (Throwable e) {
      throw new LinkageError("setenv", e);
    }
  }

  /**
   * A handle of {@code void omp_set_num_threads(int)} when the library or what it depends on has
   * it.
   */
  @SuppressWarnings("restricted")
  static Optional<MethodHandle> setNumThreads(SymbolLookup symbols) {
    return symbols
        .find("omp_set_num_threads")
        .map(
            address ->
                Linker.nativeLinker()
                    .downcallHandle(address, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT)));
  }
}
