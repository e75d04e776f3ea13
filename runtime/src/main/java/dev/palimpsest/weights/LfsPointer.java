/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.nio.charset.StandardCharsets;

/**
 * What a clone leaves in the place of a large file when Git LFS is not installed: a few lines of
 * text that name it (specification: github.com/git-lfs/git-lfs, docs/spec.md).
 */
public final class LfsPointer {
  /** To stand after the file's name and a colon. */
  public static final String MESSAGE =
      "is a pointer of Git LFS, not the file itself: run git lfs pull in its folder";

  /** Longest such file, in bytes. */
  static final int LONGEST = 1024;

  private static final String BEGIN = "version https://git-lfs.github.com/spec/";

  private LfsPointer() {}

  /** Whether a file of these bytes is one. */
  static boolean is(byte[] bytes) {
    int begin = Math.min(bytes.length, BEGIN.length());
    return is(new String(bytes, 0, begin, StandardCharsets.ISO_8859_1));
  }

  /** Whether a file of this text is one. */
  public static boolean is(String text) {
    return text.startsWith(BEGIN);
  }
}
