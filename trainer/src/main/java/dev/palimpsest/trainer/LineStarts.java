/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Which tokens begin with a line break.
 *
 * @param tokens one flag per token of the vocabulary
 */
public record LineStarts(boolean[] tokens) {
  /** The byte alphabet's stand-in for a line feed. */
  private static final char LINE_FEED = (char) (256 + '\n');

  /** Reads the vocabulary of a {@code tokenizer.json}. */
  public static LineStarts of(Path tokenizerJson) throws IOException {
    if (!Files.isRegularFile(tokenizerJson)) {
      throw new IOException(
          "no tokenizer at " + tokenizerJson + "; make it first with `palimpsest train tokenizer`");
    }
    JsonNode vocabulary =
        JsonMapper.shared().readTree(Files.readString(tokenizerJson)).get("model").get("vocab");
    boolean[] flags = new boolean[vocabulary.size()];
    vocabulary
        .properties()
        .forEach(e -> flags[e.getValue().asInt()] = e.getKey().charAt(0) == LINE_FEED);
    return new LineStarts(flags);
  }

  /** Number of tokens. */
  public int vocabulary() {
    return tokens.length;
  }
}
