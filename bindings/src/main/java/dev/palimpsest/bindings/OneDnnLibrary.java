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
  public static final String CACHE_PROPERTY = UnpackedLibraries.CACHE_PROPERTY;

  private static final String TITLE = "oneDNN";
  private static final String SONAME = "libdnnl.so.3";
  private static final String OPENMP_SONAME = "libgomp.so.1";
  private static final String BUNDLED = "org/bytedeco/dnnl/linux-x86_64/";

  /** A function that every version has. */
  private static final String ANCHOR = "dnnl_version";

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
    if (!os.startsWith("Linux")) {
      return new Missing<>(
          TITLE, List.of("this system is " + os + " " + arch + ": oneDNN is used on Linux only"));
    }
    try {
      OpenMp.waitPassively();
    } catch (IllegalCallerException e) {
      return new Missing<>(
          TITLE,
          List.of(
              "this JVM forbids native access ("
                  + e.getMessage()
                  + "): start it with --enable-native-access=ALL-UNNAMED"));
    }
    String chosen = System.getProperty(PATH_PROPERTY, "");
    if (!chosen.isEmpty()) {
      return chosen(chosen);
    }
    LibrarySearch<OneDnnLibrary> bundled =
        arch.equals("amd64")
            ? bundled()
            : new Missing<>(TITLE, List.of("no oneDNN ships for " + arch));
    if (!(bundled instanceof Missing<OneDnnLibrary> notBundled)) {
      return bundled;
    }
    LibrarySearch<OneDnnLibrary> installed =
        checked(NativeLibrary.find(TITLE, List.of(SONAME), ANCHOR));
    if (!(installed instanceof Missing<OneDnnLibrary> notInstalled)) {
      return installed;
    }
    List<String> reasons = new ArrayList<>(notBundled.reasons());
    reasons.addAll(notInstalled.reasons());
    return new Missing<>(TITLE, reasons);
  }

  private static LibrarySearch<OneDnnLibrary> chosen(String path) {
    String knob = "system property " + PATH_PROPERTY + "=" + path + ": ";
    Path file;
    try {
      file = Path.of(path);
    } catch (InvalidPathException e) {
      return new Missing<>(TITLE, List.of(knob + e.getMessage()));
    }
    return switch (checked(NativeLibrary.load(TITLE, file, ANCHOR))) {
      case Found<OneDnnLibrary> found -> found;
      case Missing<OneDnnLibrary> missing ->
          new Missing<>(TITLE, missing.reasons().stream().map(knob::concat).toList());
    };
  }

  private static LibrarySearch<OneDnnLibrary> bundled() {
    try {
      // libdnnl finds the OpenMP runtime beside itself.
      Path home =
          UnpackedLibraries.unpack(
              OneDnnLibrary.class.getClassLoader(),
              BUNDLED,
              List.of(SONAME, OPENMP_SONAME),
              UnpackedLibraries.cache());
      return checked(NativeLibrary.load(TITLE, home.resolve(SONAME), ANCHOR));
    } catch (IOException | InvalidPathException e) {
      return new Missing<>(TITLE, List.of("the org.bytedeco:dnnl jar: " + e.getMessage()));
    }
  }

  private static LibrarySearch<OneDnnLibrary> checked(LibrarySearch<NativeLibrary> search) {
    return switch (search) {
      case Found<NativeLibrary>(NativeLibrary library) -> checked(library);
      case Missing<NativeLibrary>(String title, List<String> reasons) ->
          new Missing<>(title, reasons);
    };
  }

  /**
   * A library that lacks a function or has another major version would fail in the middle of the
   * work: tell it now.
   */
  @SuppressWarnings("restricted")
  private static LibrarySearch<OneDnnLibrary> checked(NativeLibrary library) {
    List<String> missing = IncludeList.read("dnnl.includes").missingFunctions(library.symbols());
    if (!missing.isEmpty()) {
      return new Missing<>(
          TITLE,
          List.of(
              library.path()
                  + ": lacks "
                  + String.join(", ", missing)
                  + ": version "
                  + expectedVersion()
                  + " or a later 3.x is needed"));
    }
    LibraryBinding.DNNL.bind(library.symbols());
    MemorySegment version = Dnnl.dnnl_version().reinterpret(dnnl_version_t.sizeof());
    int major = dnnl_version_t.major(version);
    String found =
        major + "." + dnnl_version_t.minor(version) + "." + dnnl_version_t.patch(version);
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
    return new Found<>(new OneDnnLibrary(library, found, OpenMp.setNumThreads(library.symbols())));
  }

  private static String expectedVersion() {
    return Dnnl.DNNL_VERSION_MAJOR()
        + "."
        + Dnnl.DNNL_VERSION_MINOR()
        + "."
        + Dnnl.DNNL_VERSION_PATCH();
  }
}
