/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

class VocabularyFilesTest {
  @TempDir Path folder;

  private void write() throws IOException {
    ObjectNode vocabulary = new ObjectMapper().createObjectNode();
    List<String> texts = TinyVocabulary.tokens();
    for (int id = 2; id < texts.size(); id++) {
      vocabulary.put(texts.get(id), id - 2);
    }
    Files.writeString(folder.resolve("vocab.json"), vocabulary.toString());
    Files.writeString(
        folder.resolve("merges.txt"),
        "#version: 0.2\n" + String.join("\n", TinyVocabulary.MERGES) + "\n");
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        """
        {"added_tokens_decoder": {"260": {"content": "<|endoftext|>", "special": true},
                                  "261": {"content": "<|mask|>", "special": true}}}
        """);
  }

  @Test
  void readsDreamsKindOfFolder() throws IOException {
    assertEquals(Optional.empty(), VocabularyFiles.open(folder));
    write();
    try (Tokenizer tokenizer = VocabularyFiles.open(folder).orElseThrow()) {
      assertEquals(262, tokenizer.size());
      assertArrayEquals(new int[] {258, 'o', 259}, tokenizer.encode("hello w"));
      assertEquals(261, tokenizer.id("<|mask|>").orElseThrow());
      assertEquals("<|mask|>", tokenizer.decode(tokenizer.encode("<|mask|>"), false));
      String text = "hello world 12 é漢🎉\n";
      assertEquals(text, tokenizer.decode(tokenizer.encode(text), true));
    }
  }

  @Test
  void damageNamesTheFile() throws IOException {
    write();
    Files.writeString(folder.resolve("vocab.json"), "{\"a\": -1}");
    assertFailure("vocab.json");
    write();
    Files.writeString(folder.resolve("tokenizer_config.json"), "{");
    assertFailure("tokenizer_config.json");
    write();
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"added_tokens_decoder\": {\"x\": {\"content\": \"y\"}}}");
    assertFailure("added_tokens_decoder.x");
    write();
    Files.writeString(folder.resolve("merges.txt"), "h é\n");
    assertFailure("model.merges[0]");
  }

  private void assertFailure(String part) {
    String message =
        assertThrows(CheckpointException.class, () -> VocabularyFiles.open(folder)).getMessage();
    assertTrue(message.contains(part), message);
    assertTrue(message.contains(folder.toString()), message);
  }
}
