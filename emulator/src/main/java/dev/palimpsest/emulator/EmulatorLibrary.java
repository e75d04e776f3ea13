/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.emulator;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The emulator of the kernels module ({@code kernels/src/test/emulator}), built once, put in the
 * place of this JVM's CUDA driver, and called beside the driver's own functions.
 */
@SuppressWarnings("restricted")
public final class EmulatorLibrary {
  /** System property: path of an emulator that was built before. */
  public static final String PROPERTY = "palimpsest.test.emulator";

  /** Seen from the kernels module, and from its neighbours. */
  private static final Path[] HOMES = {Path.of("."), Path.of("..", "kernels")};

  private static final String BUILD = "src/test/emulator/build";
  private static final int NO_COMPILER = 3;

  private static final Optional<SymbolLookup> LIBRARY = find().map(EmulatorLibrary::load);

  private EmulatorLibrary() {}

  /**
   * Whether the emulator is the driver of this JVM; where there is no g++ it is not, and a line on
   * stderr says so.
   *
   * @throws ExceptionInInitializerError if its build fails
   */
  public static boolean present() {
    return LIBRARY.isPresent();
  }

  /** Calls a function of ints and longs that answers nothing. */
  public static void tell(String name, Object... arguments) {
    invoke(name, FunctionDescriptor.ofVoid(layouts(arguments)), arguments);
  }

  /** Calls a function of ints and longs. */
  public static Object ask(MemoryLayout result, String name, Object... arguments) {
    return invoke(name, FunctionDescriptor.of(result, layouts(arguments)), arguments);
  }

  private static MemoryLayout[] layouts(Object[] arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      layouts[i] = arguments[i] instanceof Integer ? JAVA_INT : JAVA_LONG;
    }
    return layouts;
  }

  private static Object invoke(String name, FunctionDescriptor descriptor, Object[] arguments) {
    try {
      return Linker.nativeLinker()
          .downcallHandle(LIBRARY.orElseThrow().findOrThrow(name), descriptor)
          .invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new LinkageError(name, e);
    }
  }

  private static SymbolLookup load(Path library) {
    Path path = library.toAbsolutePath().normalize();
    System.setProperty(CudaLibrary.PATH_PROPERTY, path.toString());
    return SymbolLookup.libraryLookup(path, Arena.global());
  }

  private static Optional<Path> find() {
    String built = System.getProperty(PROPERTY, "");
    return built.isEmpty() ? build(home()) : Optional.of(Path.of(built));
  }

  private static Path home() {
    for (Path home : HOMES) {
      if (Files.exists(home.resolve(BUILD))) {
        return home;
      }
    }
    throw new IllegalStateException(
        "no %s in %s: run the tests in their module, or name an emulator with -D%s"
            .formatted(BUILD, Path.of("").toAbsolutePath(), PROPERTY));
  }

  private static Optional<Path> build(Path home) {
    try {
      Process build =
          new ProcessBuilder(
                  home.resolve(BUILD).toString(), home.resolve("target/emulator").toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String path =
          new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = build.waitFor();
      if (status == NO_COMPILER) {
        System.err.println("The tests on an emulated GPU are skipped: the emulator needs g++.");
        return Optional.empty();
      }
      if (status != 0) {
        throw new IllegalStateException(BUILD + " fails with status " + status);
      }
      return Optional.of(Path.of(path));
    } catch (IOException e) {
      throw new IllegalStateException(BUILD + " cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
