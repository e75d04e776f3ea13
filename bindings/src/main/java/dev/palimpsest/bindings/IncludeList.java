/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One of the jextract argument files that the generated bindings were made from: {@code
 * --include-function NAME} and the like, one per line, {@code #} comments.
 */
record IncludeList(List<Entry> entries) {

  /** One included name and its kind: function, struct, union, typedef, constant. */
  record Entry(String kind, String name) {}

  private static final String OPTION = "--include-";

  /**
   * Reads a list from beside this class.
   *
   * @throws IllegalStateException when the jar was built without it
   */
  static IncludeList read(String resource) {
    try (InputStream in = IncludeList.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is not in the bindings jar: rebuild it");
      }
      return new IncludeList(
          new String(in.readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .map(line -> line.replaceFirst("#.*", "").strip())
              .filter(line -> line.startsWith(OPTION))
              .map(line -> line.substring(OPTION.length()).split("\\s+", 2))
              .map(words -> new Entry(words[0], words[1]))
              .toList());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + resource, e);
    }
  }

  List<String> names(String kind) {
    return entries.stream().filter(e -> e.kind().equals(kind)).map(Entry::name).toList();
  }

  /** The included functions that a library does not export. */
  List<String> missingFunctions(SymbolLookup symbols) {
    return names("function").stream().filter(f -> symbols.find(f).isEmpty()).toList();
  }
}
