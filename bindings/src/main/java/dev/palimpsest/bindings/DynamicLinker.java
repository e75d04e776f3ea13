/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The C library's {@code dlopen} family on Linux. Unlike the JDK's lookups it says why a library
 * cannot be loaded and which file a soname stands for.
 */
@SuppressWarnings("restricted")
final class DynamicLinker {
  private DynamicLinker() {}

  private static final int RTLD_NOW = 2; // and RTLD_LOCAL, which is 0
  private static final FunctionDescriptor OPEN =
      FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
  private static final FunctionDescriptor SYMBOL =
      FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS);
  private static final FunctionDescriptor ERROR = FunctionDescriptor.of(ValueLayout.ADDRESS);
  private static final FunctionDescriptor ADDRESS_INFO =
      FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS);

  /** {@code Dl_info}: file name, base address, symbol name, symbol address. */
  private static final MemoryLayout DL_INFO = MemoryLayout.sequenceLayout(4, ValueLayout.ADDRESS);

  /** An opened library, or the dynamic linker's words when it cannot be. */
  record Opened(Optional<SymbolLookup> symbols, String error) {}

  /** Loads a library by soname or path, for the rest of the process. */
  static Opened open(String name) {
    MethodHandle dlopen = function("dlopen", OPEN);
    MethodHandle dlerror = function("dlerror", ERROR);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment library =
          (MemorySegment) dlopen.invokeExact(arena.allocateFrom(name), RTLD_NOW);
      if (!library.equals(MemorySegment.NULL)) {
        return new Opened(Optional.of(symbolsOf(library)), "");
      }
      return new Opened(Optional.empty(), text((MemorySegment) dlerror.invokeExact()));
    } catch (Throwable e) {
      throw unexpected("dlopen", e);
    }
  }

  /** The file that a loaded symbol came from. */
  static Optional<Path> fileOf(MemorySegment symbol) {
    MethodHandle dladdr = function("dladdr", ADDRESS_INFO);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(DL_INFO);
      if ((int) dladdr.invokeExact(symbol, info) == 0) {
        return Optional.empty();
      }
      String file = text(info.get(ValueLayout.ADDRESS, 0));
      return file.isEmpty() ? Optional.empty() : Optional.of(Path.of(file).toAbsolutePath());
    } catch (Throwable e) {
      throw unexpected("dladdr", e);
    }
  }

  private static SymbolLookup symbolsOf(MemorySegment library) {
    MethodHandle dlsym = function("dlsym", SYMBOL);
    return name -> {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment symbol = (MemorySegment) dlsym.invokeExact(library, arena.allocateFrom(name));
        return symbol.equals(MemorySegment.NULL) ? Optional.empty() : Optional.of(symbol);
      } catch (Throwable e) {
        throw unexpected("dlsym", e);
      }
    };
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }

  /** A C string; empty for no address. */
  static String text(MemorySegment string) {
    return string.equals(MemorySegment.NULL) ? "" : string.reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static LinkageError unexpected(String function, Throwable cause) {
    return new LinkageError(function + " cannot be called", cause);
  }
}
