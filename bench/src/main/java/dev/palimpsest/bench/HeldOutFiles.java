/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Java files to measure a model on. Each loses the comment that it begins with, its licence; one
 * that the JDK's parser does not take is left out.
 */
final class HeldOutFiles {
  private static final Pattern HEADER = Pattern.compile("\\A\\s*/\\*.*?\\*/\\s*", Pattern.DOTALL);

  private HeldOutFiles() {}

  /**
   * The files under {@code folder} by the order of their paths, or those in one file of the
   * trainer's, separated by U+0000.
   *
   * @throws IllegalArgumentException if there are none
   */
  static List<String> read(Path path, JavaSyntax syntax) {
    List<String> texts;
    try {
      texts = Files.isDirectory(path) ? folder(path) : List.of(Files.readString(path).split("\0"));
    } catch (IOException e) {
      throw new IllegalArgumentException("--text " + path + " cannot be read: " + e, e);
    }
    List<String> accepted =
        texts.stream()
            .map(text -> HEADER.matcher(text).replaceFirst(""))
            .filter(syntax::accepts)
            .toList();
    if (accepted.isEmpty()) {
      throw new IllegalArgumentException(
          "--text " + path + ": expected Java files; found none that can be parsed");
    }
    return accepted;
  }

  private static List<String> folder(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(folder)) {
      files = all.filter(f -> f.toString().endsWith(".java")).sorted().toList();
    }
    List<String> texts = new ArrayList<>();
    for (Path file : files) {
      texts.add(Files.readString(file));
    }
    return texts;
  }
}
