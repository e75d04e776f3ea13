/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.weights.CheckpointException;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * The normalizer, pre-tokenizer and decoder of a {@code tokenizer.json}: which kinds of them are
 * let through to native code, and which fields each must have. Kinds that byte-pair tokenizers of
 * language models do not use are refused.
 */
final class TokenizerParts {
  /** What a field must hold. */
  private enum Field {
    FLAG,
    TEXT,
    /** {@code {"String": …}} or {@code {"Regex": …}}, not empty. */
    PATTERN,
    /** {@code {"String": …}}, not empty; the library breaks on a regex that matches nothing. */
    LITERAL,
    /** What happens to the pieces a pattern finds. */
    BEHAVIOR,
    /** More parts of the same sort. */
    PARTS
  }

  private static final Map<String, Field> NOTHING = Map.of();
  private static final Map<String, Field> REPLACE =
      Map.of("pattern", Field.LITERAL, "content", Field.TEXT);
  private static final Map<String, Field> BYTE_LEVEL =
      Map.of("add_prefix_space", Field.FLAG, "trim_offsets", Field.FLAG, "use_regex", Field.FLAG);

  private static final Map<String, Map<String, Field>> NORMALIZERS =
      Map.of(
          "NFC", NOTHING,
          "NFD", NOTHING,
          "NFKC", NOTHING,
          "NFKD", NOTHING,
          "Lowercase", NOTHING,
          "Replace", REPLACE,
          "Sequence", Map.of("normalizers", Field.PARTS));

  private static final Map<String, Map<String, Field>> PRE_TOKENIZERS =
      Map.of(
          "ByteLevel",
          BYTE_LEVEL,
          "Split",
          Map.of("pattern", Field.PATTERN, "behavior", Field.BEHAVIOR, "invert", Field.FLAG),
          "Digits",
          Map.of("individual_digits", Field.FLAG),
          "Sequence",
          Map.of("pretokenizers", Field.PARTS));

  private static final Map<String, Map<String, Field>> DECODERS =
      Map.of(
          "ByteLevel",
          BYTE_LEVEL,
          "ByteFallback",
          NOTHING,
          "Fuse",
          NOTHING,
          "Replace",
          REPLACE,
          "Sequence",
          Map.of("decoders", Field.PARTS));

  private static final Set<String> BEHAVIORS =
      Set.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");

  private TokenizerParts() {}

  /**
   * Checks all three.
   *
   * @throws CheckpointException naming file and field
   */
  static void check(JsonNode root, String origin) {
    check(root.path("normalizer"), NORMALIZERS, origin + ": normalizer", 0);
    check(root.path("pre_tokenizer"), PRE_TOKENIZERS, origin + ": pre_tokenizer", 0);
    check(root.path("decoder"), DECODERS, origin + ": decoder", 0);
  }

  private static void check(
      JsonNode part, Map<String, Map<String, Field>> kinds, String where, int depth) {
    if (depth == 0 && (part.isMissingNode() || part.isNull())) {
      return;
    }
    if (depth > 8) {
      throw new CheckpointException(where + ": nested too deeply");
    }
    String type = part.path("type").asString("");
    Map<String, Field> fields = kinds.get(type);
    if (fields == null) {
      throw new CheckpointException(
          "%s.type: \"%s\" is not supported; known are %s"
              .formatted(where, type, String.join(", ", new TreeSet<>(kinds.keySet()))));
    }
    for (Map.Entry<String, JsonNode> entry : part.properties()) {
      String name = entry.getKey();
      if (!name.equals("type") && !fields.containsKey(name)) {
        throw new CheckpointException(where + "." + name + ": unknown field of " + type);
      }
    }
    fields.forEach((name, field) -> check(part, name, field, kinds, where, depth));
  }

  private static void check(
      JsonNode part,
      String name,
      Field field,
      Map<String, Map<String, Field>> kinds,
      String where,
      int depth) {
    JsonNode value = part.path(name);
    String at = where + "." + name;
    if (value.isMissingNode() && field == Field.FLAG) {
      return;
    }
    boolean fits =
        switch (field) {
          case FLAG -> value.isBoolean();
          case TEXT -> value.isString();
          case BEHAVIOR -> value.isString() && BEHAVIORS.contains(value.stringValue());
          case PATTERN -> value.size() == 1 && !pattern(value).isEmpty();
          case LITERAL -> value.size() == 1 && !value.path("String").asString("").isEmpty();
          case PARTS -> value.isArray();
        };
    if (!fits) {
      throw new CheckpointException(
          "%s: expected %s; found %s".formatted(at, expectation(field), value));
    }
    if (field == Field.PARTS) {
      for (int i = 0; i < value.size(); i++) {
        check(value.get(i), kinds, at + "[" + i + "]", depth + 1);
      }
    }
  }

  private static String pattern(JsonNode value) {
    return value.path("Regex").asString(value.path("String").asString(""));
  }

  private static String expectation(Field field) {
    return switch (field) {
      case FLAG -> "true or false";
      case TEXT -> "a string";
      case BEHAVIOR -> "one of " + String.join(", ", new TreeSet<>(BEHAVIORS));
      case PATTERN -> "{\"Regex\": …} or {\"String\": …}, not empty";
      case LITERAL -> "{\"String\": …}, not empty";
      case PARTS -> "an array";
    };
  }
}
