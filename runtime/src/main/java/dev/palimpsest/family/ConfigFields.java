/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a model's description field by field and keeps account of which fields were understood, so
 * that nothing it asks for is passed over in silence.
 */
final class ConfigFields {
  private static final int MOST_SHOWN = 80;

  private final String path;
  private final JsonNode fields;
  private final Set<String> understood = new HashSet<>();

  /**
   * @param path the file that they come from, for messages
   */
  ConfigFields(Path path, JsonNode fields) {
    this(path.toString(), fields);
  }

  private ConfigFields(String path, JsonNode fields) {
    this.path = path;
    this.fields = fields;
  }

  /** The fields of a folder's {@code config.json} or of a GGUF file. */
  static ConfigFields of(Checkpoint checkpoint) {
    return new ConfigFields(file(checkpoint), checkpoint.metadata());
  }

  /** The file that describes the model. */
  static Path file(Checkpoint checkpoint) {
    Path first = checkpoint.files().getFirst();
    return checkpoint.format().equals("gguf") ? first : first.resolveSibling("config.json");
  }

  /** The fields of the object {@code key}. */
  ConfigFields inside(String key) {
    return new ConfigFields(path + ": " + key, node(key));
  }

  /** The fields of the object {@code key}, which must be there. */
  ConfigFields object(String key) {
    JsonNode node = node(key);
    if (!node.isObject()) {
      throw bad(key, node, "an object");
    }
    return inside(key);
  }

  /** The names of all fields. */
  Collection<String> names() {
    return fields.propertyNames();
  }

  /** Whether the field is there and not null. */
  boolean has(String key) {
    understood.add(key);
    return !fields.path(key).isMissingNode() && !fields.path(key).isNull();
  }

  /** A whole number within bounds that must be there. */
  int required(String key, int least, int most) {
    if (!has(key)) {
      throw new CheckpointException(
          path + ": " + key + " is missing; expected a whole number from " + least);
    }
    return integer(key, least, most, 0);
  }

  /** A whole number within bounds, {@code fallback} if the field is absent or null. */
  int integer(String key, int least, int most, int fallback) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode node = fields.get(key);
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < least
        || node.intValue() > most) {
      throw bad(key, node, "a whole number from " + least + " to " + most);
    }
    return node.intValue();
  }

  /** A positive, finite number. */
  double positive(String key, double fallback) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode node = fields.get(key);
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value > 0) || Double.isInfinite(value)) {
      throw bad(key, node, "a positive number");
    }
    return value;
  }

  /** True, false, or {@code fallback} if the field is absent or null. */
  boolean flag(String key, boolean fallback) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode node = fields.get(key);
    if (!node.isBoolean()) {
      throw bad(key, node, "true or false");
    }
    return node.booleanValue();
  }

  /**
   * A token id below {@code vocabulary}, or −1 if the field is absent, null or −1. Where a list of
   * ids is given, its first.
   */
  int token(String key, int vocabulary) {
    if (!has(key)) {
      return -1;
    }
    JsonNode node = fields.get(key);
    JsonNode one = node.isArray() && !node.isEmpty() ? node.get(0) : node;
    if (!one.isIntegralNumber()
        || !one.canConvertToInt()
        || one.intValue() < -1
        || one.intValue() >= vocabulary) {
      throw bad(key, node, "a token id below the vocabulary's " + vocabulary);
    }
    return one.intValue();
  }

  /** A text, or {@code fallback}. */
  String text(String key, String fallback) {
    return has(key) && fields.get(key).isString() ? fields.get(key).stringValue() : fallback;
  }

  /** The raw value, missing if absent. */
  JsonNode node(String key) {
    understood.add(key);
    return fields.path(key);
  }

  /**
   * Insists on the only value that is supported. An absent or null field counts as {@code
   * whenAbsent}, the format's own default.
   */
  void require(String key, String supported, String whenAbsent) {
    boolean present = has(key);
    String found = present ? plain(fields.get(key)) : whenAbsent;
    if (!found.equals(supported)) {
      throw new CheckpointException(
          path
              + ": "
              + key
              + (present ? " is " : " is absent, which in this format means ")
              + shorten(found)
              + "; only "
              + supported
              + " is supported");
    }
  }

  /** Insists that a switch is off: absent, null, false, zero or empty. */
  void off(String key) {
    understood.add(key);
    if (!asksForNothing(fields.path(key))) {
      throw new CheckpointException(
          path
              + ": "
              + key
              + " is "
              + show(fields.get(key))
              + ", which is not supported; only models without it are");
    }
  }

  /** Marks fields as read elsewhere. */
  void understood(String... keys) {
    understood.addAll(Set.of(keys));
  }

  /**
   * Refuses every field that was not asked for, is not harmless and has a value other than null,
   * false, zero or nothing. {@code quantization_config}, which any family may have, is looked into
   * here.
   */
  void refuseOthers(Predicate<String> harmless) {
    if (has("quantization_config")) {
      QuantizationFields.check(this);
    }
    for (Map.Entry<String, JsonNode> field : fields.properties()) {
      String key = field.getKey();
      if (!understood.contains(key) && !harmless.test(key) && !asksForNothing(field.getValue())) {
        throw new CheckpointException(
            path
                + ": field "
                + shorten(key)
                + " is "
                + show(field.getValue())
                + ": it is not understood and may change the computation; remove it if it"
                + " does not");
      }
    }
  }

  CheckpointException bad(String key, JsonNode found, String expected) {
    return new CheckpointException(
        path + ": " + key + " is " + show(found) + "; expected " + expected);
  }

  static String show(JsonNode node) {
    return node == null || node.isMissingNode() ? "missing" : shorten(node.toString());
  }

  /** 1e-5 rather than the digits of the nearest double to the float. */
  static double shortest(float value) {
    return Double.parseDouble(Float.toString(value));
  }

  /** Writes a token id; −1 says there is none. */
  static void putToken(ObjectNode out, String key, int token) {
    if (token >= 0) {
      out.put(key, token);
    }
  }

  private static String plain(JsonNode node) {
    return node.isString() ? node.stringValue() : node.toString();
  }

  static String shorten(String text) {
    String cut = text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + "…";
    return cut.replaceAll("\\p{Cntrl}", "\uFFFD");
  }

  private static boolean asksForNothing(JsonNode node) {
    return node.isMissingNode()
        || node.isNull()
        || (node.isBoolean() && !node.booleanValue())
        || (node.isNumber() && node.doubleValue() == 0)
        || (node.isString() && node.stringValue().isEmpty())
        || (node.isContainer() && node.isEmpty());
  }
}
