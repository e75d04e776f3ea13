/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/**
 * Calls into the DJL tokenizers with its settings as this project wants them: the CPU build that
 * lies in the jar, unpacked to a folder only this user can read, and no network. DJL reads its
 * settings from the environment and from system properties whenever it is called; the properties
 * are set for the duration of a call only, and never over one that the user has set.
 */
final class NativeTokenizers {
  private static final Object LOCK = new Object();

  private NativeTokenizers() {}

  /** Runs {@code work} with those settings, one call at a time. */
  static <T> T call(Callable<T> work) throws Exception {
    synchronized (LOCK) {
      Map<String, String> settings =
          Map.of(
              "RUST_FLAVOR", "cpu",
              "ai.djl.offline", "true",
              "OPT_OUT_TRACKING", "true",
              "ENGINE_CACHE_DIR", cache().toString());
      Map<String, String> before = new HashMap<>();
      settings.forEach(
          (name, value) -> {
            if (System.getProperty(name) == null) {
              before.put(name, value);
              System.setProperty(name, value);
            }
          });
      try {
        return work.call();
      } finally {
        before.keySet().forEach(System::clearProperty);
      }
    }
  }

  private static Path cacheDirectory;

  /** {@code $XDG_CACHE_HOME/palimpsest}, or {@code ~/.cache/palimpsest}, or a temporary folder. */
  private static Path cache() throws IOException {
    if (cacheDirectory == null) {
      String xdg = System.getenv("XDG_CACHE_HOME");
      Path base =
          xdg != null && !xdg.isBlank() && Path.of(xdg).isAbsolute()
              ? Path.of(xdg)
              : Path.of(System.getProperty("user.home", "."), ".cache");
      Path wished = base.resolve("palimpsest");
      try {
        cacheDirectory = ownFolder(wished);
      } catch (IOException e) {
        cacheDirectory = Files.createTempDirectory("palimpsest-native");
      }
    }
    return cacheDirectory;
  }

  private static Path ownFolder(Path folder) throws IOException {
    boolean posix = folder.getFileSystem().supportedFileAttributeViews().contains("posix");
    Files.createDirectories(folder);
    if (posix) {
      Set<PosixFilePermission> mine = PosixFilePermissions.fromString("rwx------");
      if (!Files.getPosixFilePermissions(folder).equals(mine)) {
        Files.setPosixFilePermissions(folder, mine); // fails unless the folder is this user's
      }
    }
    if (!Files.isWritable(folder)) {
      throw new IOException(folder + " is not writable");
    }
    return folder;
  }
}
