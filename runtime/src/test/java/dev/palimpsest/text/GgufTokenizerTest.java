/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.CheckpointException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class GgufTokenizerTest {
  private static final String TEXT = "hello world 12<|mask|> é漢🎉\n\n  x";

  private static ObjectNode metadata(String pre) {
    ObjectNode metadata = new ObjectMapper().createObjectNode();
    metadata.put("tokenizer.ggml.model", "gpt2").put("tokenizer.ggml.pre", pre);
    ArrayNode tokens = metadata.putArray("tokenizer.ggml.tokens");
    ArrayNode kinds = metadata.putArray("tokenizer.ggml.token_type");
    List<String> texts = TinyVocabulary.tokens();
    for (int id = 0; id < texts.size(); id++) {
      tokens.add(id == 0 ? "<|endoftext|>" : id == 1 ? "<|mask|>" : texts.get(id));
      kinds.add(id < 2 ? 3 : 1);
    }
    ArrayNode merges = metadata.putArray("tokenizer.ggml.merges");
    TinyVocabulary.MERGES.forEach(merges::add);
    return metadata;
  }

  @Test
  void readsAsTheSameTokenizer() {
    try (Tokenizer expected = HuggingFaceTokenizer.parse(TinyVocabulary.json(), "json");
        Tokenizer tokenizer = GgufTokenizer.open(metadata("gpt-2"), "m.gguf").orElseThrow()) {
      assertArrayEquals(expected.encode(TEXT), tokenizer.encode(TEXT));
      assertEquals(TEXT, tokenizer.decode(tokenizer.encode(TEXT), true));
      assertEquals(expected.size(), tokenizer.size());
      assertEquals(1, tokenizer.id("<|mask|>").orElseThrow());
    }
  }

  @Test
  void everyKnownSplitLoadsAndRoundTrips() {
    for (String pre : List.of("gpt-2", "llama-bpe", "qwen2", "bailingmoe2", "llada-moe")) {
      try (Tokenizer tokenizer = GgufTokenizer.open(metadata(pre), "m.gguf").orElseThrow()) {
        assertEquals(TEXT, tokenizer.decode(tokenizer.encode(TEXT), true), pre);
      }
    }
  }

  @Test
  void aWholeTokenizerJsonIsPreferred() {
    ObjectNode metadata = new ObjectMapper().createObjectNode();
    metadata.put("tokenizer.ggml.model", "llama");
    metadata.put("tokenizer.huggingface.json", TinyVocabulary.json());
    try (Tokenizer tokenizer = GgufTokenizer.open(metadata, "m.gguf").orElseThrow()) {
      assertEquals(262, tokenizer.size());
    }
  }

  @Test
  void noVocabularyIsNoTokenizer() {
    ObjectNode metadata = new ObjectMapper().createObjectNode();
    assertEquals(Optional.empty(), GgufTokenizer.open(metadata, "m.gguf"));
    metadata.put("tokenizer.ggml.model", "no_vocab");
    assertEquals(Optional.empty(), GgufTokenizer.open(metadata, "m.gguf"));
  }

  @Test
  void whatIsNotSupportedNamesTheField() {
    assertFailure(
        metadata("gpt-2").put("tokenizer.ggml.model", "llama"), "tokenizer.ggml.model", "llama");
    assertFailure(metadata("tekken"), "tokenizer.ggml.pre", "tekken", "qwen2");
    ObjectNode lacking = metadata("qwen2");
    lacking.remove("tokenizer.ggml.merges");
    assertFailure(lacking, "tokenizer.ggml.merges");
    ObjectNode odd = metadata("qwen2");
    odd.putArray("tokenizer.ggml.token_type").add(1);
    assertFailure(odd, "tokenizer.ggml.token_type", "262");
    ObjectNode number = metadata("qwen2");
    ((ArrayNode) number.get("tokenizer.ggml.tokens")).set(5, 17);
    assertFailure(number, "tokenizer.ggml.tokens[5]");
  }

  private static void assertFailure(ObjectNode metadata, String... parts) {
    String message =
        assertThrows(CheckpointException.class, () -> GgufTokenizer.open(metadata, "m.gguf"))
            .getMessage();
    assertTrue(message.contains("m.gguf"), message);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> message + " lacks " + part);
    }
  }
}
