/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A vocabulary of whole words, and its {@code tokenizer.json}: a text is words with spaces between
 * them. Id 0 ends and pads, id 1 is MASK, as in the trainer's other vocabularies.
 */
public final class Words {
  /** Ends a text, and fills a row. */
  public static final int END = 0;

  /** MASK. */
  public static final int MASK = 1;

  private final Map<String, Integer> ids = new LinkedHashMap<>();

  /**
   * @param words distinct, without spaces
   */
  public Words(List<String> words) {
    ids.put("<|endoftext|>", END);
    ids.put("<|mask|>", MASK);
    for (String word : words) {
      if (word.isBlank() || word.contains(" ") || ids.put(word, ids.size()) != null) {
        throw new IllegalArgumentException(
            "words are distinct and without spaces; found \"" + word + "\"");
      }
    }
  }

  /** How many tokens there are. */
  public int size() {
    return ids.size();
  }

  /**
   * The id of a word.
   *
   * @throws IllegalArgumentException if there is none
   */
  public int id(String word) {
    Integer id = ids.get(word);
    if (id == null) {
      throw new IllegalArgumentException("\"" + word + "\" is not in the vocabulary");
    }
    return id;
  }

  /** The ids of the words of a text. */
  public int[] ids(String text) {
    return List.of(text.split(" ")).stream().mapToInt(this::id).toArray();
  }

  /**
   * What tokenizers libraries read: every word is a token of its own that nothing is merged from,
   * spaces only part them.
   */
  public String json() {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("version", "1.0");
    ArrayNode added = root.putArray("added_tokens");
    ObjectNode vocabulary = JsonMapper.shared().createObjectNode();
    ids.forEach(
        (word, id) -> {
          vocabulary.put(word, id);
          ObjectNode token = added.addObject();
          token.put("id", id).put("content", word);
          token.put("single_word", word.chars().allMatch(Character::isLetterOrDigit));
          token.put("lstrip", false).put("rstrip", false).put("normalized", false);
          token.put("special", id <= MASK);
        });
    root.putNull("normalizer");
    ObjectNode spaces = root.putObject("pre_tokenizer").put("type", "Split");
    spaces.putObject("pattern").put("String", " ");
    spaces.put("behavior", "Removed").put("invert", false);
    root.putNull("post_processor");
    root.putNull("decoder");
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.set("vocab", vocabulary);
    model.putArray("merges");
    return JsonMapper.shared().writeValueAsString(root);
  }
}
