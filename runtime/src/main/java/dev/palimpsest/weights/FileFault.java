/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/**
 * Why a file could not be read or written, in words: the JDK's exceptions say it by their class.
 */
public final class FileFault {
  private FileFault() {}

  /** The reason, to stand after the file's name and a colon. */
  public static String reason(IOException fault) {
    return switch (fault) {
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "a file of that name is in the way";
      case CharacterCodingException _ -> "it is not UTF-8 text";
      case FileSystemException known when known.getReason() != null -> known.getReason();
      default -> fault.getMessage() == null ? fault.getClass().getSimpleName() : fault.getMessage();
    };
  }
}
