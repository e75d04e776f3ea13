/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.bindings.dnnl.Dnnl;
import dev.palimpsest.bindings.dnnl.dnnl_version_t;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * oneDNN, the CPU's matrix products, loaded and checked. Calls go to the generated {@link Dnnl};
 * none may be made before {@link #find} has answered {@link Found}.
 *
 * <p>Where it comes from: the file named by the system property {@value #PATH_PROPERTY}; else the
 * library inside the {@code org.bytedeco:dnnl} jar on the class path, unpacked under {@value
 * #CACHE_PROPERTY} (default {@code $XDG_CACHE_HOME/palimpsest} or {@code ~/.cache/palimpsest});
 * else the one installed on the machine.
 */
public final class OneDnnLibrary {
  /** System property: path of a {@code libdnnl.so.3} to use instead of the one that ships. */
  public static final String PATH_PROPERTY = "palimpsest.dnnl.path";

  /** System property: folder to unpack native libraries under. */
  public static final String CACHE_PROPERTY = "palimpsest.cache";

  private static final String TITLE = "oneDNN";
  private static final List<String> SONAMES = List.of("libdnnl.so.3");
  private static final List<String> OPENMP_SONAMES = List.of("libgomp.so.1");
  private static final String BUNDLED = "org/bytedeco/dnnl/linux-x86_64/";

  private final NativeLibrary library;
  private final String version;
  private final Optional<MethodHandle> ompSetNumThreads;

  private OneDnnLibrary(
      NativeLibrary library, String version, Optional<MethodHandle> ompSetNumThreads) {
    this.library = library;
    this.version = version;
    this.ompSetNumThreads = ompSetNumThreads;
  }

  /** Looks for oneDNN once per JVM and loads it; later calls give the same answer. */
  public static LibrarySearch<OneDnnLibrary> find() {
    return Once.ANSWER;
  }

  private static final class Once {
    static final LibrarySearch<OneDnnLibrary> ANSWER = search();
  }

  /** The file that was loaded. */
  public Path path() {
    return library.path();
  }

  /** Version as the library tells it, such as {@code 3.13.0}. */
  public String version() {
    return version;
  }

  /**
   * Sets how many OpenMP threads oneDNN calls made by the calling thread use. OpenMP keeps the
   * number per calling thread: each worker sets 1 once. Without a known OpenMP runtime (a oneDNN
   * built on another one) nothing happens.
   *
   * @param count at least 1
   */
  public void ompThreads(int count) {
    if (count < 1) {
      throw new IllegalArgumentException(
          "OpenMP threads: found " + count + ", expected at least 1");
    }
    ompSetNumThreads.ifPresent(
        call -> {
          try {
            call.invokeExact(count);
          } catch (Throwable e) {
            throw new LinkageError("omp_set_num_threads", e);
          }
        });
  }

  private static LibrarySearch<OneDnnLibrary> search() {
    String os = System.getProperty("os.name", "unknown");
    String arch = System.getProperty("os.arch", "unknown");
    if (!os.toLowerCase(Locale.ROOT).startsWith("linux")) {
      return new Missing<>(
          TITLE, List.of("this system is " + os + " " + arch + "; oneDNN is used on Linux only"));
    }
    OpenMp.waitPassively();

    String chosen = System.getProperty(PATH_PROPERTY, "");
    if (!chosen.isEmpty()) {
      return chosen(chosen);
    }
    List<String> reasons = new ArrayList<>();
    if (arch.equals("amd64") || arch.equals("x86_64")) {
      switch (bundled()) {
        case Found<OneDnnLibrary> found -> {
          return found;
        }
        case Missing<OneDnnLibrary> missing -> reasons.addAll(missing.reasons());
      }
    } else {
      reasons.add("no oneDNN ships for " + arch);
    }
    switch (NativeLibrary.find(TITLE, SONAMES, "dnnl_version")) {
      case Found<NativeLibrary>(NativeLibrary library) -> {
        NativeLibrary.find("OpenMP", OPENMP_SONAMES, "omp_set_num_threads");
        switch (checked(library)) {
          case Found<OneDnnLibrary> found -> {
            return found;
          }
          case Missing<OneDnnLibrary> missing -> reasons.addAll(missing.reasons());
        }
      }
      case Missing<NativeLibrary> missing -> reasons.addAll(missing.reasons());
    }
    return new Missing<>(TITLE, reasons);
  }

  private static LibrarySearch<OneDnnLibrary> chosen(String path) {
    String knob = "system property " + PATH_PROPERTY + "=" + path;
    Path file;
    try {
      file = Path.of(path);
    } catch (InvalidPathException e) {
      return new Missing<>(TITLE, List.of(knob + ": " + e.getMessage()));
    }
    return switch (NativeLibrary.load(TITLE, file)) {
      case Found<NativeLibrary>(NativeLibrary library) -> {
        NativeLibrary.find("OpenMP", OPENMP_SONAMES, "omp_set_num_threads");
        yield checked(library);
      }
      case Missing<NativeLibrary> missing ->
          new Missing<>(TITLE, missing.reasons().stream().map(r -> knob + ": " + r).toList());
    };
  }

  private static LibrarySearch<OneDnnLibrary> bundled() {
    String openMp = OPENMP_SONAMES.getFirst();
    String dnnl = SONAMES.getFirst();
    Path home;
    try {
      home =
          UnpackedLibraries.unpack(
              OneDnnLibrary.class.getClassLoader(), BUNDLED, List.of(dnnl, openMp), cache());
    } catch (IOException e) {
      return new Missing<>(TITLE, List.of("org.bytedeco:dnnl jar: " + e.getMessage()));
    }
    // OpenMP first: libdnnl then takes this one by its soname.
    if (NativeLibrary.load("OpenMP", home.resolve(openMp))
        instanceof Missing<NativeLibrary> missing) {
      return new Missing<>(TITLE, missing.reasons());
    }
    return switch (NativeLibrary.load(TITLE, home.resolve(dnnl))) {
      case Found<NativeLibrary>(NativeLibrary library) -> checked(library);
      case Missing<NativeLibrary> missing -> new Missing<>(TITLE, missing.reasons());
    };
  }

  private static Path cache() {
    String chosen = System.getProperty(CACHE_PROPERTY, "");
    if (!chosen.isEmpty()) {
      return Path.of(chosen);
    }
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isEmpty()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home", "."), ".cache");
    return base.resolve("palimpsest");
  }

  /**
   * A library that lacks a function or has another major version would fail in the middle of the
   * work: tell it now.
   */
  @SuppressWarnings("restricted")
  private static LibrarySearch<OneDnnLibrary> checked(NativeLibrary library) {
    List<String> missing = IncludeList.read("dnnl.includes").missingFunctions();
    if (!missing.isEmpty()) {
      return new Missing<>(
          TITLE,
          List.of(
              library.path()
                  + ": lacks "
                  + String.join(", ", missing)
                  + "; version "
                  + expectedVersion()
                  + " or a later 3.x is needed"));
    }
    MemorySegment version = Dnnl.dnnl_version().reinterpret(dnnl_version_t.sizeof());
    int major = dnnl_version_t.major(version);
    int minor = dnnl_version_t.minor(version);
    String found = major + "." + minor + "." + dnnl_version_t.patch(version);
    if (major != Dnnl.DNNL_VERSION_MAJOR()) {
      return new Missing<>(
          TITLE,
          List.of(
              library.path()
                  + ": is version "
                  + found
                  + ", expected "
                  + expectedVersion()
                  + " or a later 3.x"));
    }
    return new Found<>(new OneDnnLibrary(library, found, OpenMp.setNumThreads()));
  }

  private static String expectedVersion() {
    return Dnnl.DNNL_VERSION_MAJOR()
        + "."
        + Dnnl.DNNL_VERSION_MINOR()
        + "."
        + Dnnl.DNNL_VERSION_PATCH();
  }
}
