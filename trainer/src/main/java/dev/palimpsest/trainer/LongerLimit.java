/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A checkpoint that is asked for longer canvases than its configuration allows. */
final class LongerLimit {
  private static final List<String> FIELDS =
      List.of("max_sequence_length", "max_position_embeddings");

  private LongerLimit() {}

  /**
   * Gives a folder a checkpoint's files, its limit at least {@code positions}: links where the file
   * system has them, copies elsewhere.
   *
   * @throws IOException if its configuration names no limit, or a file cannot be copied
   */
  static void lend(Path model, Path folder, int positions) throws IOException {
    Path file = model.resolve("config.json");
    ObjectNode config = (ObjectNode) JsonMapper.shared().readTree(Files.readString(file));
    String field =
        FIELDS.stream()
            .filter(config::has)
            .findFirst()
            .orElseThrow(() -> new IOException(file + " has none of " + FIELDS));
    config.put(field, Math.max(positions, config.get(field).asInt()));
    try (Stream<Path> files = Files.list(model)) {
      for (Path from : files.filter(Files::isRegularFile).toList()) {
        if (!from.equals(file)) {
          lend(from.toAbsolutePath(), folder.resolve(from.getFileName()));
        }
      }
    }
    Files.writeString(folder.resolve("config.json"), config.toPrettyString());
  }

  private static void lend(Path from, Path to) throws IOException {
    try {
      Files.createSymbolicLink(to, from);
    } catch (UnsupportedOperationException | IOException e) {
      Files.copy(from, to);
    }
  }
}
