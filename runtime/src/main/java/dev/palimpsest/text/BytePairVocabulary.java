/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.weights.CheckpointException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A byte-level byte-pair vocabulary as files other than {@code tokenizer.json} describe it, written
 * down as one.
 *
 * @param tokens text of each ordinary token by id, in the printable byte alphabet of GPT-2;
 *     null-free, empty where an id has none
 * @param merges pairs in order of preference, separated by a space
 * @param added tokens recognised as a whole, before anything else
 * @param split how text is cut before bytes are merged
 */
record BytePairVocabulary(
    List<String> tokens, List<String> merges, List<Added> added, Split split) {

  /** A token written out as it is, e.g. {@code <|mask|>}. */
  record Added(int id, String text, boolean special) {}

  /** Published ways of cutting text, by the names GGUF gives them ({@code tokenizer.ggml.pre}). */
  enum Split {
    GPT2(
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        false,
        "gpt-2",
        "gpt2"),
    LLAMA3(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        false,
        "llama-bpe",
        "llama3",
        "llama-v3"),
    QWEN2(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        true,
        "qwen2"),
    BAILING_MOE(
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
        true,
        "bailingmoe",
        "bailingmoe2",
        "llada-moe");

    private final String regex;
    private final boolean composed;
    private final List<String> names;

    Split(String regex, boolean composed, String... names) {
      this.regex = regex;
      this.composed = composed;
      this.names = List.of(names);
    }

    /**
     * The split of that name.
     *
     * @throws CheckpointException listing the known ones
     */
    static Split named(String name, String origin) {
      return Arrays.stream(values())
          .filter(split -> split.names.contains(name))
          .findFirst()
          .orElseThrow(
              () ->
                  new CheckpointException(
                      "%s: tokenizer.ggml.pre: \"%s\" is not supported; known are %s: put the model's tokenizer.json beside the file"
                          .formatted(
                              origin,
                              name,
                              Arrays.stream(values())
                                  .flatMap(split -> split.names.stream())
                                  .collect(Collectors.joining(", ")))));
    }
  }

  /** The same as the text of a {@code tokenizer.json}. */
  String toTokenizerJson() {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    root.put("version", "1.0");
    ArrayNode addedNodes = root.putArray("added_tokens");
    for (Added token : added) {
      ObjectNode node = addedNodes.addObject();
      node.put("id", token.id()).put("content", token.text()).put("special", token.special());
      for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
        node.put(flag, false);
      }
    }
    if (split.composed) {
      root.putObject("normalizer").put("type", "NFC");
    }
    ObjectNode pre = root.putObject("pre_tokenizer").put("type", "Sequence");
    ArrayNode parts = pre.putArray("pretokenizers");
    ObjectNode cut = parts.addObject().put("type", "Split");
    cut.putObject("pattern").put("Regex", split.regex);
    cut.put("behavior", "Isolated").put("invert", false);
    byteLevel(parts.addObject());
    byteLevel(root.putObject("decoder"));

    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.put("ignore_merges", split == Split.LLAMA3);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      if (!tokens.get(id).isEmpty()) {
        vocabulary.put(tokens.get(id), id);
      }
    }
    // The library numbers added tokens anew unless the model knows them too.
    added.forEach(token -> vocabulary.put(token.text(), token.id()));
    ArrayNode pairs = model.putArray("merges");
    merges.forEach(pairs::add);
    return mapper.writeValueAsString(root);
  }

  private static void byteLevel(ObjectNode node) {
    node.put("type", "ByteLevel");
    node.put("add_prefix_space", false).put("trim_offsets", false).put("use_regex", false);
  }
}
