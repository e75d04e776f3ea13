/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnpackedLibrariesTest {
  @TempDir Path temporary;

  @Test
  void unpacksOnceAndRepairsWhatDoesNotMatchTheJar() throws IOException {
    byte[] content = "first content".getBytes();
    try (URLClassLoader loader = jar("one.jar", content)) {
      Path cache = temporary.resolve("cache");
      Path home = unpack(loader, cache);
      Path file = home.resolve("libx.so");
      assertArrayEquals(content, Files.readAllBytes(file));

      FileTime past = FileTime.fromMillis(1_000_000);
      Files.setLastModifiedTime(file, past);
      assertEquals(home, unpack(loader, cache));
      assertEquals(past, Files.getLastModifiedTime(file), "a matching file is left alone");

      Files.write(file, "other content".getBytes()); // the same size
      unpack(loader, cache);
      assertArrayEquals(content, Files.readAllBytes(file));

      Files.write(file, new byte[0]);
      unpack(loader, cache);
      assertArrayEquals(content, Files.readAllBytes(file));
      try (Stream<Path> files = Files.list(home)) {
        assertEquals(List.of(file), files.toList(), "no partial files stay");
      }
    }
  }

  @Test
  void anotherContentGetsAnotherFolder() throws IOException {
    Path cache = temporary.resolve("cache");
    try (URLClassLoader one = jar("one.jar", "first content".getBytes());
        URLClassLoader two = jar("two.jar", "other content".getBytes())) {
      assertNotEquals(unpack(one, cache), unpack(two, cache));
    }
  }

  @Test
  void fallsBackToATemporaryFolderWhenTheCacheCannotBeWritten() throws IOException {
    Path file = Files.createFile(temporary.resolve("a-file"));
    byte[] content = "first content".getBytes();
    try (URLClassLoader loader = jar("one.jar", content)) {
      Path home = unpack(loader, file.resolve("cache"));
      assertTrue(!home.startsWith(file), home.toString());
      assertArrayEquals(content, Files.readAllBytes(home.resolve("libx.so")));
    }
  }

  @Test
  void aResourceThatIsNotThereIsNamed() throws IOException {
    try (URLClassLoader loader = jar("one.jar", new byte[1])) {
      IOException e =
          assertThrows(
              IOException.class,
              () -> UnpackedLibraries.unpack(loader, "native/", List.of("liby.so"), temporary));
      assertTrue(e.getMessage().contains("native/liby.so"), e.getMessage());
    }
  }

  private static Path unpack(ClassLoader loader, Path cache) throws IOException {
    return UnpackedLibraries.unpack(loader, "native/", List.of("libx.so"), cache);
  }

  private URLClassLoader jar(String name, byte[] content) throws IOException {
    Path path = temporary.resolve(name);
    try (OutputStream out = Files.newOutputStream(path);
        JarOutputStream jar = new JarOutputStream(out)) {
      jar.putNextEntry(new JarEntry("native/libx.so"));
      jar.write(content);
      jar.closeEntry();
    }
    return new URLClassLoader(new URL[] {path.toUri().toURL()}, null);
  }
}
