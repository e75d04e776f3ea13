/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BytePairTrainerTest {
  private static final String CODE =
      """
      public final class Counter {
          private int count;

          public int next() {
              if (count > 10) {
                  throw new IllegalStateException("too many: " + count);
              }
              return count++;
          }
      }
      """;

  @TempDir Path folder;

  private Path tokenizer(int entries) throws IOException {
    Path json = folder.resolve("tokenizer.json");
    Files.writeString(json, BytePairTrainer.train(List.of(CODE.repeat(3), CODE), entries));
    return json;
  }

  @Test
  void anotherImplementationReadsItAndGivesTheTextBack() throws IOException {
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(tokenizer(400))) {
      for (String text :
          List.of(
              CODE,
              "   x\n\n\t y  \n",
              "caf\u00e9 \u4e2d\u6587 \ud83d\ude80 $a_b1234",
              "\u0001\u007f\u00a0",
              "a".repeat(5000))) {
        long[] ids = tokenizer.encode(text, false, false).getIds();
        assertEquals(text, tokenizer.decode(ids, false));
      }
    }
  }

  @Test
  void frequentPiecesOfCodeBecomeOneToken() throws IOException {
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(tokenizer(400))) {
      assertEquals(1, tokenizer.encode("\n        ", false, false).getIds().length);
      assertEquals(1, tokenizer.encode(" count", false, false).getIds().length);
      long[] code = tokenizer.encode(CODE, false, false).getIds();
      assertTrue(code.length < CODE.length() / 3, code.length + " tokens");
    }
  }

  @Test
  void specialTokensHaveTheirIds() throws IOException {
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(tokenizer(300))) {
      long[] ids =
          tokenizer
              .encode(BytePairTrainer.END_OF_TEXT + BytePairTrainer.MASK, false, false)
              .getIds();
      assertEquals(2, ids.length);
      assertEquals(BytePairTrainer.END_ID, ids[0]);
      assertEquals(BytePairTrainer.MASK_ID, ids[1]);
    }
  }

  @Test
  void theSameTextGivesTheSameMerges() {
    assertEquals(
        BytePairTrainer.train(List.of(CODE), 350), BytePairTrainer.train(List.of(CODE), 350));
  }

  @Test
  void tooSmallAVocabularyIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> BytePairTrainer.train(List.of(CODE), 100));
  }

  @Test
  void aTokenFileHoldsEveryDocumentAndItsEnd() throws IOException {
    Path json = tokenizer(400);
    Path file = folder.resolve("x.tokens");
    long count = TokenFile.write(file, List.of(CODE, "int i;"), json, BytePairTrainer.END_ID);
    try (TokenFile tokens = TokenFile.open(file);
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(json)) {
      assertEquals(count, tokens.length());
      assertEquals(BytePairTrainer.END_ID, tokens.at(count - 1));
      long[] ids = new long[(int) count];
      for (int i = 0; i < count; i++) {
        ids[i] = tokens.at(i);
      }
      assertEquals(
          CODE + BytePairTrainer.END_OF_TEXT + "int i;" + BytePairTrainer.END_OF_TEXT,
          tokenizer.decode(ids, false));
    }
  }

  @Test
  void lineStartsAreTheTokensThatBeginWithALineFeed() throws IOException {
    Path json = tokenizer(400);
    boolean[] starts = LineStarts.of(json).tokens();
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(json)) {
      assertTrue(starts[(int) tokenizer.encode("\n    ", false, false).getIds()[0]]);
      for (int id = 2; id < starts.length; id++) {
        String text = tokenizer.decode(new long[] {id}, false);
        assertEquals(text.startsWith("\n"), starts[id], "token " + id);
      }
    }
  }
}
