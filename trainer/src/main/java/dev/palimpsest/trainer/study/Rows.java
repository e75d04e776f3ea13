/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What a task is learned from: rows of one length, of which each is a text of its own.
 *
 * @param length tokens of a row; what is shorter is filled up with end tokens
 * @param train rows to learn
 * @param heldOut rows for the held-out loss
 */
public record Rows(Words words, int length, List<int[]> train, List<int[]> heldOut) {
  /** The vocabulary's {@code tokenizer.json}. */
  public static Path tokenizer(Path folder) {
    return folder.resolve("tokenizer.json");
  }

  /** The rows to learn, one after another. */
  public static Path trainTokens(Path folder) {
    return folder.resolve("train.tokens");
  }

  /** The held-out rows. */
  public static Path heldOutTokens(Path folder) {
    return folder.resolve("held-out.tokens");
  }

  /**
   * Writes vocabulary and rows, each token as the trainer's files have it: two bytes, low first.
   */
  public void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(tokenizer(folder), words.json());
    write(trainTokens(folder), train);
    write(heldOutTokens(folder), heldOut);
  }

  private void write(Path file, List<int[]> rows) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      for (int[] row : rows) {
        if (row.length > length) {
          throw new IllegalArgumentException(
              "a row of " + row.length + " tokens does not fit " + length);
        }
        for (int i = 0; i < length; i++) {
          int id = i < row.length ? row[i] : Words.END;
          out.write(id);
          out.write(id >> 8);
        }
      }
    }
  }
}
