/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.UnpackedLibraries;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;

/**
 * JCuda's native half, unpacked where only this user writes. JCuda itself unpacks to a fixed name
 * in the common temporary folder and loads whatever lies there already; so ours is put into a
 * private folder, checked against the jar, and JCuda is told that this is the temporary folder
 * while it loads.
 */
final class JCudaLibrary {
  private static final String FOLDER = "lib/";
  private static final String TEMPORARY = "java.io.tmpdir";

  private JCudaLibrary() {}

  /**
   * Loads it once per JVM. The driver must have been found before: the library is linked against
   * it.
   *
   * @throws IOException if it is not on the class path, or cannot be unpacked
   * @throws LinkageError if it cannot be loaded
   */
  static void load() throws IOException {
    load("JCudaDriver", () -> JCudaDriver.setExceptionsEnabled(false));
  }

  /** The same for cuBLAS, which must have been found before. */
  static void loadCublas() throws IOException {
    load("JCublas2", () -> JCublas2.setExceptionsEnabled(false));
  }

  /**
   * @param first call of the class that loads the library
   */
  private static void load(String library, Runnable first) throws IOException {
    synchronized (JCudaLibrary.class) {
      String name =
          LibUtils.createLibraryFileName(
              LibUtils.createPlatformLibraryName(library + "-" + JCudaVersion.get()));
      Path home =
          UnpackedLibraries.unpackToCache(
              JCudaLibrary.class.getClassLoader(), FOLDER, List.of(name));
      String before = System.getProperty(TEMPORARY);
      System.setProperty(TEMPORARY, home.toString());
      try {
        first.run();
      } finally {
        System.setProperty(TEMPORARY, before);
      }
    }
  }
}
