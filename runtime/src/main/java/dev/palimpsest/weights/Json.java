/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON from files nobody vouches for: bounded in size, depth and numbers, no duplicate keys. */
final class Json {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_NUMBER = 64;
  private static final int MAX_STRING = 16 << 20;

  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER)
                  .maxStringLength(MAX_STRING)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private static final JsonMapper MAPPER = JsonMapper.builder(FACTORY).build();

  private Json() {}

  /**
   * Reads a file that holds one JSON object.
   *
   * @param maxBytes longest file accepted
   * @throws CheckpointException naming the file and where it stops making sense
   */
  static JsonNode readObject(Path file, int maxBytes) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new CheckpointException(
            file + ": has " + size + " bytes; at most " + maxBytes + " are expected of this file");
      }
      bytes = in.readNBytes(maxBytes);
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be read: " + FileFault.reason(e), e);
    }
    if (LfsPointer.is(bytes)) {
      throw new CheckpointException(file + ": " + LfsPointer.MESSAGE);
    }
    JsonNode node;
    try {
      node = MAPPER.readTree(bytes);
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": not valid JSON: " + where(e), e);
    }
    if (!node.isObject()) {
      throw new CheckpointException(
          file + ": expected a JSON object; found " + node.getNodeType().name().toLowerCase());
    }
    return node;
  }

  /** A Jackson message without the reader's internals. */
  static String where(JacksonException e) {
    String text = MappedFile.show(e.getOriginalMessage());
    return e.getLocation() == null
        ? text
        : text
            + " (line "
            + e.getLocation().getLineNr()
            + ", column "
            + e.getLocation().getColumnNr()
            + ")";
  }
}
