/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizersTest {
  private static final Path TRAINED = Path.of("..", "models", "java-tiny");

  private static Path golden(String name) throws URISyntaxException {
    return Path.of(TokenizersTest.class.getResource("/goldens/" + name).toURI());
  }

  @Test
  void aTrainedTokenizerWritesItsOwnSources() throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(TRAINED);
        Tokenizer tokenizer = Tokenizers.open(checkpoint).orElseThrow();
        Stream<Path> files = Files.walk(Path.of("src", "main", "java"))) {
      assertEquals(checkpoint.metadata().path("vocab_size").intValue(), tokenizer.size());
      int mask = checkpoint.metadata().path("mask_token_id").intValue();
      assertEquals(mask, tokenizer.id("<|mask|>").orElseThrow());
      // Typed by somebody it is eight characters.
      String typed = "String mask = \"<|mask|>\"; // <|endoftext|>\n";
      int[] typedIds = tokenizer.encode(typed);
      assertEquals(typed, tokenizer.decode(typedIds, false));
      assertTrue(Arrays.stream(typedIds).noneMatch(id -> id < 2), Arrays.toString(typedIds));
      List<Path> sources = files.filter(file -> file.toString().endsWith(".java")).toList();
      assertTrue(sources.size() > 20);
      for (Path file : sources) {
        String text = Files.readString(file);
        int[] ids = tokenizer.encode(text);
        assertEquals(text, tokenizer.decode(ids, true), file.toString());
        assertTrue(ids.length * 2 < text.length(), "merges must apply: " + file);
      }
    }
  }

  @Test
  void aCheckpointWithoutOneHasNone() throws URISyntaxException {
    for (String name : List.of("llada-tiny", "dream-tiny")) {
      try (Checkpoint checkpoint = Checkpoints.open(golden(name))) {
        assertTrue(Tokenizers.open(checkpoint).isEmpty());
      }
      try (Checkpoint checkpoint = Checkpoints.open(golden(name + "/model.gguf"))) {
        assertTrue(Tokenizers.open(checkpoint).isEmpty());
      }
    }
  }

  @Test
  void aFolderOfVocabularyFilesIsRead(@TempDir Path folder) throws Exception {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(golden("dream-tiny/" + file), folder.resolve(file));
    }
    Files.writeString(folder.resolve("vocab.json"), "{\"a\": 0, \"b\": 1, \"ab\": 2}");
    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\na b\n");
    for (Path path : List.of(folder, folder.resolve("model.safetensors"))) {
      try (Checkpoint checkpoint = Checkpoints.open(path);
          Tokenizer tokenizer = Tokenizers.open(checkpoint).orElseThrow()) {
        assertArrayEquals(new int[] {2, 0}, tokenizer.encode("aba"));
      }
    }
  }
}
