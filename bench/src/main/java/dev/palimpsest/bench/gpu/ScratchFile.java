/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Memory mapped from a file that is gone with the mapping. */
final class ScratchFile {
  private ScratchFile() {}

  /**
   * Bytes that are free where such files lie.
   *
   * @throws UncheckedIOException if there is no such place
   */
  static long room() {
    try {
      return Files.getFileStore(Path.of(System.getProperty("java.io.tmpdir"))).getUsableSpace();
    } catch (IOException e) {
      throw new UncheckedIOException("no temporary folder: set -Djava.io.tmpdir", e);
    }
  }

  /**
   * So many zero bytes of a sparse file, until the arena is closed.
   *
   * @throws UncheckedIOException if there is no place for temporary files
   */
  static MemorySegment map(Arena arena, long bytes) {
    try {
      Path file = Files.createTempFile("palimpsest-", ".bin");
      try (FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("no temporary file: set -Djava.io.tmpdir", e);
    }
  }
}
