/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** One file mapped read-only as a whole, whatever its size. */
record MappedFile(Path path, MemorySegment memory) {
  private static final int LONGEST_NAME_SHOWN = 96;

  static MappedFile map(Path path, Arena arena) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MappedFile file =
          new MappedFile(path, channel.map(MapMode.READ_ONLY, 0, channel.size(), arena));
      if (file.size() <= LfsPointer.LONGEST
          && LfsPointer.is(file.memory.toArray(ValueLayout.JAVA_BYTE))) {
        throw new CheckpointException(path + ": " + LfsPointer.MESSAGE);
      }
      return file;
    } catch (IOException e) {
      throw new CheckpointException(path + ": cannot be read: " + FileFault.reason(e), e);
    }
  }

  long size() {
    return memory.byteSize();
  }

  /** What is wrong with {@code field} of this file. */
  CheckpointException bad(String field, String problem) {
    return new CheckpointException(path + ": " + field + ": " + problem);
  }

  /** A name out of the file, fit for a message: no control characters, and not endless. */
  static String show(String name) {
    String cut =
        name.length() <= LONGEST_NAME_SHOWN
            ? name
            : name.substring(0, LONGEST_NAME_SHOWN) + "… (" + name.length() + " characters)";
    StringBuilder out = new StringBuilder(cut.length());
    cut.codePoints()
        .forEach(
            c ->
                out.appendCodePoint(
                    Character.isISOControl(c) || (c >= 0xD800 && c <= 0xDFFF) ? '\uFFFD' : c));
    return out.toString();
  }
}
