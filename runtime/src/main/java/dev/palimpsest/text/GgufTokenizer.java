/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.weights.CheckpointException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * The tokenizer that a GGUF file carries in its key/value pairs: either a whole {@code
 * tokenizer.json} ({@code tokenizer.huggingface.json}), or a byte-level byte-pair vocabulary
 * ({@code tokenizer.ggml.model} = {@code gpt2}).
 */
public final class GgufTokenizer {
  // Kinds of tokens in tokenizer.ggml.token_type.
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  private GgufTokenizer() {}

  /**
   * Builds the tokenizer.
   *
   * @param metadata the file's key/value pairs as one flat object
   * @param origin the file's name, for messages
   * @return empty if the file carries none
   * @throws CheckpointException if it carries a damaged one, or one of an unsupported kind
   */
  public static Optional<Tokenizer> open(JsonNode metadata, String origin) {
    JsonNode whole = metadata.path("tokenizer.huggingface.json");
    if (whole.isString()) {
      return Optional.of(
          HuggingFaceTokenizer.parse(whole.stringValue(), origin + ": tokenizer.huggingface.json"));
    }
    String model = metadata.path("tokenizer.ggml.model").asString("none");
    return switch (model) {
      case "none", "no_vocab" -> Optional.empty();
      case "gpt2" ->
          Optional.of(
              HuggingFaceTokenizer.parse(
                  bytePairs(metadata, origin).toTokenizerJson(), origin + ": tokenizer.ggml"));
      default ->
          throw new CheckpointException(
              "%s: tokenizer.ggml.model: \"%s\" is not supported, only gpt2 is: put the model's tokenizer.json beside the file"
                  .formatted(origin, model));
    };
  }

  private static BytePairVocabulary bytePairs(JsonNode metadata, String origin) {
    BytePairVocabulary.Split split =
        BytePairVocabulary.Split.named(
            metadata.path("tokenizer.ggml.pre").asString("gpt-2"), origin);
    List<String> texts = strings(metadata, "tokenizer.ggml.tokens", origin);
    List<String> merges = strings(metadata, "tokenizer.ggml.merges", origin);
    JsonNode kinds = metadata.path("tokenizer.ggml.token_type");
    if (!kinds.isMissingNode() && kinds.size() != texts.size()) {
      throw new CheckpointException(
          "%s: tokenizer.ggml.token_type: %d entries for %d tokens"
              .formatted(origin, kinds.size(), texts.size()));
    }
    List<String> ordinary = new ArrayList<>(texts.size());
    List<BytePairVocabulary.Added> added = new ArrayList<>();
    for (int id = 0; id < texts.size(); id++) {
      int kind = kinds.path(id).asInt(1);
      boolean whole = (kind == CONTROL || kind == USER_DEFINED) && !texts.get(id).isEmpty();
      ordinary.add(whole ? "" : texts.get(id));
      if (whole) {
        added.add(new BytePairVocabulary.Added(id, texts.get(id), kind == CONTROL));
      }
    }
    return new BytePairVocabulary(ordinary, merges, added, split);
  }

  private static List<String> strings(JsonNode metadata, String key, String origin) {
    JsonNode array = metadata.path(key);
    if (!array.isArray()) {
      throw new CheckpointException(origin + ": " + key + ": expected an array of strings");
    }
    List<String> list = new ArrayList<>(array.size());
    for (JsonNode node : array) {
      if (!node.isString()) {
        throw new CheckpointException(
            origin + ": " + key + "[" + list.size() + "]: expected a string; found " + node);
      }
      list.add(node.stringValue());
    }
    return list;
  }
}
