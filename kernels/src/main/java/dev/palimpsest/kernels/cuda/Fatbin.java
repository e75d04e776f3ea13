/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A packed fatbin. The driver is told where one begins and not where it ends, so its size is
 * checked before.
 */
public final class Fatbin {
  private static final int MAGIC = 0xBA55ED50;

  /** Magic, version, size of this header (two bytes each), size of what follows it. */
  private static final int HEADER_BYTES = 16;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Fatbin() {}

  /**
   * The fatbin of a file of {@code src/main/cuda}, or of another on the class path beside those.
   *
   * @throws IllegalStateException if it is not on the class path, or not whole
   */
  public static byte[] read(String file) {
    String name = file + ".fatbin";
    try (InputStream in = Fatbin.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(
            name + " is not on the class path: build the kernels module");
      }
      return checked(name, in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(name + " cannot be read", e);
    }
  }

  /** The image, if it is one and all of it is there. */
  static byte[] checked(String name, byte[] image) {
    MemorySegment bytes = MemorySegment.ofArray(image);
    if (image.length < HEADER_BYTES || bytes.get(INT, 0) != MAGIC) {
      throw new IllegalStateException(
          "%s is no fatbin (%d bytes): build the kernels module again"
              .formatted(name, image.length));
    }
    long expected = Short.toUnsignedLong(bytes.get(SHORT, 6)) + bytes.get(LONG, 8);
    if (expected != image.length) {
      throw new IllegalStateException(
          "%s is damaged: its header tells of %d bytes and it has %d; build the kernels module again"
              .formatted(name, expected, image.length));
    }
    return image;
  }
}
