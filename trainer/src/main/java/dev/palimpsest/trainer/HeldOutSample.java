/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Some of the held-out files as a folder of Java files, small enough to be kept beside a model:
 * {@code artifact-version/path/of/File.java}, each with its licence's header and without its other
 * comments, and each library's notice.
 */
final class HeldOutSample {
  /** Files and characters written. */
  record Size(int files, long characters) {}

  private HeldOutSample() {}

  /**
   * Writes those held-out files that fall into the first thousandths of all files.
   *
   * @param perMille how many thousandths, at most what is held out
   * @param jar the source jar of a library
   * @throws IllegalArgumentException if more is asked for than is held out
   */
  static Size write(Path folder, List<String> libraries, int perMille, Function<String, Path> jar)
      throws IOException {
    if (perMille < 1 || perMille > Corpus.HELD_OUT_PER_MILLE) {
      throw new IllegalArgumentException(
          "a sample has between 1 and "
              + Corpus.HELD_OUT_PER_MILLE
              + " thousandths, which are held out; found "
              + perMille);
    }
    int files = 0;
    long characters = 0;
    Set<String> seen = new HashSet<>();
    for (String library : libraries) {
      String[] parts = library.split(":");
      Path home = folder.resolve(parts[1] + "-" + parts[2]);
      List<String> notices = new ArrayList<>();
      TreeMap<String, String> texts = new TreeMap<>();
      try (ZipFile zip = new ZipFile(jar.apply(library).toFile())) {
        for (ZipEntry entry : Collections.list(zip.entries())) {
          String name = entry.getName();
          if (name.matches("META-INF/NOTICE(\\.txt|\\.md)?")) {
            notices.add(text(zip, entry));
          } else if (Corpus.wanted(name) && Corpus.bucket(library, name) < perMille) {
            sampled(text(zip, entry)).filter(seen::add).ifPresent(t -> texts.put(name, t));
          }
        }
      }
      for (var entry : texts.entrySet()) {
        Path file = home.resolve(entry.getKey());
        Files.createDirectories(file.getParent());
        Files.writeString(file, entry.getValue());
        files++;
        characters += entry.getValue().length();
      }
      if (!texts.isEmpty() && !notices.isEmpty()) {
        Files.writeString(home.resolve("NOTICE.txt"), String.join("\n", notices));
      }
    }
    return new Size(files, characters);
  }

  /**
   * The header and the code, or nothing for what the corpus leaves out and for a file whose other
   * comments hold a notice of their own.
   */
  static Optional<String> sampled(String source) {
    int header = headerEnd(source);
    String code = JavaSource.normalized(JavaSource.withoutComments(source));
    boolean notice = source.substring(header).toLowerCase(Locale.ROOT).contains("copyright");
    return notice || !JavaSource.usable(code)
        ? Optional.empty()
        : Optional.of(JavaSource.normalized(source.substring(0, header)) + code);
  }

  /** One past the comment that a file begins with, 0 if it begins with none. */
  private static int headerEnd(String source) {
    int start = 0;
    while (start < source.length() && Character.isWhitespace(source.charAt(start))) {
      start++;
    }
    return source.startsWith("/*", start) ? Math.max(0, source.indexOf("*/", start) + 2) : 0;
  }

  private static String text(ZipFile zip, ZipEntry entry) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
