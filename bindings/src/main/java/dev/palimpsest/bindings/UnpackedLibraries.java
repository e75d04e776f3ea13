/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/**
 * Shared libraries that ship inside a jar, unpacked once into a private folder of this user, named
 * by their content, and checked against the jar each time they are used.
 */
public final class UnpackedLibraries {
  private UnpackedLibraries() {}

  /** System property: the folder that libraries are unpacked under. */
  public static final String CACHE_PROPERTY = "palimpsest.cache";

  /**
   * As {@link #unpack}, under {@code -Dpalimpsest.cache}, else {@code $XDG_CACHE_HOME/palimpsest},
   * else {@code ~/.cache/palimpsest}.
   *
   * @throws IOException when a resource is not on the class path or nothing can be written anywhere
   */
  public static Path unpackToCache(ClassLoader loader, String folder, List<String> fileNames)
      throws IOException {
    return unpack(loader, folder, fileNames, cache());
  }

  static Path cache() {
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

  /** A resource that should lie in the folder under its file name. */
  private record Resource(URL url, String fileName, long size, long crc) {}

  /**
   * The folder that holds the named resources, complete and checked.
   *
   * @param loader where the jar is
   * @param folder resource folder inside the jar, ending in {@code /}
   * @param fileNames files of that folder
   * @param cache the folder to unpack under; a temporary one is taken when it cannot be written
   * @throws IOException when a resource is not on the class path or nothing can be written anywhere
   */
  static Path unpack(ClassLoader loader, String folder, List<String> fileNames, Path cache)
      throws IOException {
    List<Resource> resources = new ArrayList<>();
    CRC32 identity = new CRC32();
    for (String fileName : fileNames) {
      URL url = loader.getResource(folder + fileName);
      if (url == null) {
        throw new IOException(folder + fileName + " is not on the class path");
      }
      Resource resource = describe(url, fileName);
      identity.update(
          (fileName + ":" + resource.size() + ":" + resource.crc() + ";")
              .getBytes(StandardCharsets.UTF_8));
      resources.add(resource);
    }
    String first = fileNames.getFirst();
    String version =
        first
            + "-"
            + HexFormat.of().toHexDigits((int) identity.getValue())
            + "-"
            + resources.getFirst().size();
    try {
      Path home = cache.resolve(version);
      createPrivate(home);
      unpackInto(home, resources);
      return home;
    } catch (IOException | SecurityException e) {
      Path temporary = Files.createTempDirectory("palimpsest-");
      System.getLogger(UnpackedLibraries.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "cannot unpack native libraries under "
                  + cache
                  + " ("
                  + e
                  + "); unpacking to "
                  + temporary);
      temporary.toFile().deleteOnExit(); // after its files: the last registered goes first
      unpackInto(temporary, resources);
      for (Resource resource : resources) {
        temporary.resolve(resource.fileName()).toFile().deleteOnExit();
      }
      return temporary;
    }
  }

  private static void createPrivate(Path home) throws IOException {
    if (Files.isDirectory(home)) {
      return;
    }
    Files.createDirectories(home.toAbsolutePath().getParent());
    try {
      Files.createDirectory(
          home, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(home)) {
        throw e;
      }
    }
  }

  private static void unpackInto(Path home, List<Resource> resources) throws IOException {
    for (Resource resource : resources) {
      Path target = home.resolve(resource.fileName());
      if (matches(target, resource)) {
        continue;
      }
      Path partial = Files.createTempFile(home, resource.fileName(), ".part");
      try {
        try (InputStream in = resource.url().openStream()) {
          Files.copy(in, partial, StandardCopyOption.REPLACE_EXISTING);
        }
        if (!matches(partial, resource)) {
          throw new IOException(resource.url() + " does not unpack to what the jar says it holds");
        }
        // A rename: another JVM sees the old file or the whole new one, and a mapped old one stays
        // mapped.
        try {
          Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
          Files.move(partial, target, StandardCopyOption.REPLACE_EXISTING);
        }
      } finally {
        Files.deleteIfExists(partial);
      }
    }
  }

  private static boolean matches(Path file, Resource resource) throws IOException {
    if (!Files.isRegularFile(file) || Files.size(file) != resource.size()) {
      return false;
    }
    try (InputStream in = Files.newInputStream(file)) {
      return crcOf(in).crc() == resource.crc();
    }
  }

  private static Resource describe(URL url, String fileName) throws IOException {
    URLConnection connection = url.openConnection();
    if (connection instanceof JarURLConnection jar) {
      JarEntry entry = jar.getJarEntry();
      if (entry.getSize() >= 0 && entry.getCrc() >= 0) {
        return new Resource(url, fileName, entry.getSize(), entry.getCrc());
      }
    }
    try (InputStream in = connection.getInputStream()) {
      Checksum sum = crcOf(in);
      return new Resource(url, fileName, sum.size(), sum.crc());
    }
  }

  private record Checksum(long size, long crc) {}

  private static Checksum crcOf(InputStream in) throws IOException {
    CheckedInputStream checked = new CheckedInputStream(in, new CRC32());
    byte[] buffer = new byte[1 << 20];
    long size = 0;
    for (int n = checked.read(buffer); n >= 0; n = checked.read(buffer)) {
      size += n;
    }
    return new Checksum(size, checked.getChecksum().getValue());
  }
}
