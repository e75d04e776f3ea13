/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Token ids written out: {@code 1,2,3}, a file of such, or a JSON file with a prompt. */
final class TokenIds {
  private TokenIds() {}

  /**
   * Reads ids or the file that holds them.
   *
   * @throws IllegalArgumentException if they are neither
   */
  static int[] read(String idsOrFile) {
    if (idsOrFile.isBlank() || idsOrFile.matches("[\\s\\d,\\[\\]-]+")) {
      return parse(idsOrFile);
    }
    try {
      String text = Files.readString(Path.of(idsOrFile));
      return text.stripLeading().startsWith("{") ? prompt(text) : parse(text);
    } catch (InvalidPathException | IOException e) {
      throw new IllegalArgumentException(
          "neither token ids nor a readable file: '" + idsOrFile + "'", e);
    }
  }

  static String line(int... ids) {
    return Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" "));
  }

  private static int[] parse(String text) {
    return Arrays.stream(text.split("[\\s,\\[\\]]+"))
        .filter(word -> !word.isEmpty())
        .mapToInt(TokenIds::id)
        .toArray();
  }

  private static int id(String word) {
    try {
      int id = Integer.parseInt(word);
      if (id >= 0) {
        return id;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw new IllegalArgumentException("'" + word + "' is not a token id");
  }

  private static int[] prompt(String json) {
    JsonNode prompt;
    try {
      prompt = JsonMapper.shared().readTree(json).path("prompt");
    } catch (JacksonException e) {
      throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
    }
    if (!prompt.isArray()) {
      throw new IllegalArgumentException("the JSON file has no array named prompt");
    }
    return prompt.valueStream().mapToInt(JsonNode::asInt).toArray();
  }
}
