/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.LfsPointer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A {@code tokenizer.json}, checked before native code sees it: a panic over there takes the JVM
 * along. Only byte-pair models are let through, which all families here use.
 *
 * @param text the file again without what is not used: truncation, padding, and the template of
 *     special tokens
 * @param ids every token's id by its text as the file spells it (for byte-level vocabularies in
 *     their printable alphabet), added tokens included
 * @param added ids of the added tokens, by text
 * @param special ids of those added tokens that control something and are no text
 * @param size largest id + 1
 */
record TokenizerJson(
    String text,
    Map<String, Integer> ids,
    Map<String, Integer> added,
    Set<Integer> special,
    int size) {
  /** More ids than any vocabulary has; guards against absurd allocations. */
  private static final int MOST_IDS = 1 << 24;

  private static final ObjectMapper MAPPER = new ObjectMapper();

  /**
   * Reads and checks the file's text.
   *
   * @param origin the file's name, for messages
   * @throws CheckpointException naming the file and the field
   */
  static TokenizerJson parse(String json, String origin) {
    if (LfsPointer.is(json)) {
      throw new CheckpointException(origin + ": " + LfsPointer.MESSAGE);
    }
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (JacksonException e) {
      throw new CheckpointException(origin + ": not JSON: " + e.getOriginalMessage(), e);
    }
    if (root == null || !root.isObject()) {
      throw new CheckpointException(origin + ": expected a JSON object");
    }
    JsonNode model = root.path("model");
    if (!model.isObject()) {
      throw new CheckpointException(origin + ": model: expected an object; found " + kind(model));
    }
    Map<String, Integer> ids = new HashMap<>();
    int size = vocabulary(model.path("vocab"), origin, ids);
    checkBytePairs(model, origin, ids);
    Map<String, Integer> addedIds = new HashMap<>();
    Set<Integer> special = new HashSet<>();
    JsonNode added = root.path("added_tokens");
    if (!added.isArray() && !absent(added)) {
      throw new CheckpointException(
          origin + ": added_tokens: expected an array; found " + kind(added));
    }
    for (int i = 0; i < added.size(); i++) {
      JsonNode content = added.get(i).path("content");
      if (content.asString("").isEmpty() || !content.isString()) {
        throw new CheckpointException(
            origin
                + ": added_tokens["
                + i
                + "].content: expected a string, not empty; found "
                + kind(content));
      }
      int id = id(added.get(i).path("id"), origin, "added_tokens[" + i + "].id");
      addedIds.put(content.stringValue(), id);
      if (added.get(i).path("special").asBoolean(false)) {
        special.add(id);
      }
      size = Math.max(size, id + 1);
    }
    ids.putAll(addedIds);
    if (size == 0) {
      throw new CheckpointException(origin + ": model.vocab: empty");
    }
    TokenizerParts.check(root, origin);
    ObjectNode kept = (ObjectNode) root;
    kept.putNull("truncation");
    kept.putNull("padding");
    kept.putNull("post_processor");
    return new TokenizerJson(
        MAPPER.writeValueAsString(kept),
        Map.copyOf(ids),
        Map.copyOf(addedIds),
        Set.copyOf(special),
        size);
  }

  /**
   * The file's text again, its special tokens under names that nobody can write, so that all ids
   * stay as they are and no text is taken for a special token. One that merges build up is what
   * ordinary text gives, and stays a token of the vocabulary.
   */
  String withoutSpecialTokens() {
    ObjectNode root = (ObjectNode) MAPPER.readTree(text);
    ObjectNode model = (ObjectNode) root.path("model");
    Set<String> merged = new HashSet<>();
    for (JsonNode merge : model.path("merges")) {
      String[] pair = pair(merge);
      merged.addAll(List.of(pair[0], pair[1], pair[0] + pair[1]));
    }
    String secret = UUID.randomUUID().toString();
    Map<String, String> renamed = new HashMap<>();
    ArrayNode kept = MAPPER.createArrayNode();
    for (JsonNode token : root.path("added_tokens")) {
      String content = token.path("content").stringValue();
      boolean special = token.path("special").asBoolean(false);
      if (special && merged.contains(content)) {
        continue;
      }
      if (special) {
        renamed.put(content, secret + token.path("id").intValue());
        ((ObjectNode) token).put("content", renamed.get(content));
      }
      kept.add(token);
    }
    root.set("added_tokens", kept);
    ObjectNode vocabulary = MAPPER.createObjectNode();
    for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
      vocabulary.set(renamed.getOrDefault(entry.getKey(), entry.getKey()), entry.getValue());
    }
    model.set("vocab", vocabulary);
    String unknown = model.path("unk_token").asString("");
    if (renamed.containsKey(unknown)) {
      model.put("unk_token", renamed.get(unknown));
    }
    return MAPPER.writeValueAsString(root);
  }

  private static int vocabulary(JsonNode vocabulary, String origin, Map<String, Integer> ids) {
    if (!vocabulary.isObject()) {
      throw new CheckpointException(
          origin
              + ": model.vocab: expected an object from token to id, as byte-pair models have;"
              + " found "
              + kind(vocabulary));
    }
    int size = 0;
    for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
      int id = id(entry.getValue(), origin, "model.vocab[\"" + entry.getKey() + "\"]");
      ids.put(entry.getKey(), id);
      size = Math.max(size, id + 1);
    }
    return size;
  }

  private static void checkBytePairs(JsonNode model, String origin, Map<String, Integer> ids) {
    JsonNode type = model.path("type");
    if (!type.isMissingNode() && !type.isNull() && !type.asString("").equals("BPE")) {
      throw new CheckpointException(
          origin + ": model.type: only BPE is supported; found " + kind(type));
    }
    for (String field : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      JsonNode value = model.path(field);
      if (!absent(value) && !value.asString("x").isEmpty()) {
        throw new CheckpointException(
            origin + ": model." + field + ": not supported; found " + kind(value));
      }
    }
    JsonNode dropout = model.path("dropout");
    if (!absent(dropout) && !(dropout.isNumber() && dropout.doubleValue() == 0)) {
      throw new CheckpointException(
          origin + ": model.dropout: encoding must not be random; found " + kind(dropout));
    }
    JsonNode unknown = model.path("unk_token");
    if (!absent(unknown) && !(unknown.isString() && ids.containsKey(unknown.stringValue()))) {
      throw new CheckpointException(
          origin + ": model.unk_token: not in model.vocab; found " + kind(unknown));
    }
    JsonNode merges = model.path("merges");
    if (!merges.isArray()) {
      throw new CheckpointException(
          origin + ": model.merges: expected an array; found " + kind(merges));
    }
    for (int i = 0; i < merges.size(); i++) {
      String[] pair = pair(merges.get(i));
      if (pair.length != 2) {
        throw new CheckpointException(
            origin
                + ": model.merges["
                + i
                + "]: expected two tokens; found "
                + kind(merges.get(i)));
      }
      for (String token : List.of(pair[0], pair[1], pair[0] + pair[1])) {
        if (!ids.containsKey(token)) {
          throw new CheckpointException(
              origin + ": model.merges[" + i + "]: \"" + token + "\" is not in model.vocab");
        }
      }
    }
  }

  /** Two tokens, written as one string with a space or as an array. */
  private static String[] pair(JsonNode merge) {
    if (merge.isString()) {
      return merge.stringValue().split(" ", -1);
    }
    if (merge.isArray()
        && merge.size() == 2
        && merge.get(0).isString()
        && merge.get(1).isString()) {
      return new String[] {merge.get(0).stringValue(), merge.get(1).stringValue()};
    }
    return new String[0];
  }

  private static boolean absent(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  private static int id(JsonNode node, String origin, String field) {
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw new CheckpointException(
          origin + ": " + field + ": expected an integer id; found " + kind(node));
    }
    int id = node.intValue();
    if (id < 0 || id >= MOST_IDS) {
      throw new CheckpointException(
          origin + ": " + field + ": id " + id + " is not between 0 and " + (MOST_IDS - 1));
    }
    return id;
  }

  private static String kind(JsonNode node) {
    String text = node.isContainer() ? "" : " " + node;
    return node.getNodeType().name().toLowerCase(java.util.Locale.ROOT)
        + (text.length() > 40 ? text.substring(0, 40) + "…" : text);
  }
}
