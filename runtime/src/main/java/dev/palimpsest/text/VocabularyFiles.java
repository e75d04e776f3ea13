/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.weights.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * The tokenizer of a folder that has {@code vocab.json} and {@code merges.txt} instead of a {@code
 * tokenizer.json}, as Dream's has: Qwen2's way of cutting text, and the added tokens of {@code
 * tokenizer_config.json}.
 */
final class VocabularyFiles {
  private static final int MOST_IDS = 1 << 24;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private VocabularyFiles() {}

  /** The tokenizer, or empty if the folder lacks one of the two files. */
  static Optional<Tokenizer> open(Path folder) {
    Path vocabularyFile = folder.resolve("vocab.json");
    Path mergesFile = folder.resolve("merges.txt");
    if (!Files.isRegularFile(vocabularyFile) || !Files.isRegularFile(mergesFile)) {
      return Optional.empty();
    }
    List<String> tokens = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : json(vocabularyFile).properties()) {
      int id = id(entry.getValue(), vocabularyFile, entry.getKey());
      if (id >= tokens.size()) {
        tokens.addAll(Collections.nCopies(id + 1 - tokens.size(), ""));
      }
      tokens.set(id, entry.getKey());
    }
    List<String> merges =
        lines(mergesFile).stream()
            .filter(line -> !line.startsWith("#version") && !line.isEmpty())
            .toList();
    List<BytePairVocabulary.Added> added = new ArrayList<>();
    Path config = folder.resolve("tokenizer_config.json");
    if (Files.isRegularFile(config)) {
      for (Map.Entry<String, JsonNode> entry :
          json(config).path("added_tokens_decoder").properties()) {
        added.add(added(entry, config));
      }
    }
    BytePairVocabulary vocabulary =
        new BytePairVocabulary(tokens, merges, added, BytePairVocabulary.Split.QWEN2);
    return Optional.of(
        HuggingFaceTokenizer.parse(vocabulary.toTokenizerJson(), vocabularyFile.toString()));
  }

  private static BytePairVocabulary.Added added(Map.Entry<String, JsonNode> entry, Path config) {
    String field = "added_tokens_decoder." + entry.getKey();
    JsonNode content = entry.getValue().path("content");
    int id;
    try {
      id = Integer.parseInt(entry.getKey());
    } catch (NumberFormatException e) {
      throw new CheckpointException(config + ": " + field + ": the key is not a token id", e);
    }
    if (!content.isString()) {
      throw new CheckpointException(config + ": " + field + ".content: expected a string");
    }
    return new BytePairVocabulary.Added(
        id, content.stringValue(), entry.getValue().path("special").asBoolean(false));
  }

  private static int id(JsonNode node, Path file, String token) {
    if (!node.isInt() || node.intValue() < 0 || node.intValue() >= MOST_IDS) {
      throw new CheckpointException(
          "%s: \"%s\": expected an id between 0 and %d; found %s"
              .formatted(file, token, MOST_IDS - 1, node));
    }
    return node.intValue();
  }

  private static JsonNode json(Path file) {
    try {
      JsonNode node = MAPPER.readTree(Files.readString(file));
      if (!node.isObject()) {
        throw new CheckpointException(file + ": expected a JSON object");
      }
      return node;
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be read: " + e, e);
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be read: " + e, e);
    }
  }
}
