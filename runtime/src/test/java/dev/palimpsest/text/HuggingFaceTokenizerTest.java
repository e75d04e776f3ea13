/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HuggingFaceTokenizerTest {
  private static HuggingFaceTokenizer tiny() {
    return HuggingFaceTokenizer.parse(TinyVocabulary.json(), "tiny");
  }

  private static int id(int b) {
    return 2 + b;
  }

  @Test
  void mergesByRank() {
    try (HuggingFaceTokenizer tokenizer = tiny()) {
      // "hello": he + ll, then hell, then o; " w" is one token, "orld" four bytes.
      assertArrayEquals(
          new int[] {260, id('o'), 261, id('o'), id('r'), id('l'), id('d')},
          tokenizer.encode("hello world"));
      assertEquals(262, tokenizer.size());
    }
  }

  @Test
  void anyTextComesBack() {
    String[] texts = {
      "", " ", "public int size() {\n\treturn n; // é 漢 🎉\n}\r\n", "a\0b", "   \n\n ", "<|mask|"
    };
    try (HuggingFaceTokenizer tokenizer = tiny()) {
      for (String text : texts) {
        assertEquals(text, tokenizer.decode(tokenizer.encode(text), true));
        assertEquals(text, tokenizer.decode(tokenizer.encode(text), false));
      }
      SplittableRandom random = new SplittableRandom(1);
      for (int trial = 0; trial < 200; trial++) {
        String text =
            random
                .ints(random.nextInt(40), 0, 0x11000)
                .filter(c -> !(c >= 0xD800 && c < 0xE000))
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        assertEquals(text, tokenizer.decode(tokenizer.encode(text), true));
      }
    }
  }

  @Test
  void specialTokensHaveIdsAndTheirTextIsText() {
    try (HuggingFaceTokenizer tokenizer = tiny()) {
      int[] ids = {id('a'), 1, id('b'), 0};
      assertEquals("a<|mask|>b<|endoftext|>", tokenizer.decode(ids, true));
      assertEquals("ab", tokenizer.decode(ids, false));
      int[] typed = tokenizer.encode("a<|mask|>b w");
      assertArrayEquals(
          "a<|mask|>b".chars().map(HuggingFaceTokenizerTest::id).toArray(),
          Arrays.copyOf(typed, typed.length - 1));
      assertEquals(tokenizer.encode(" w")[0], typed[typed.length - 1], "merges go on as ever");
      assertEquals(OptionalInt.of(1), tokenizer.id("<|mask|>"));
      assertEquals(OptionalInt.of(260), tokenizer.id("hell"));
      assertEquals(OptionalInt.empty(), tokenizer.id("<|no|>"));
    }
  }

  /** Ids stay as they are when special tokens are put out of reach. */
  @Test
  void addedTokensThatAreTextStayWhole() {
    String flags = ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false}";
    String file =
        TinyVocabulary.json()
            .replaceFirst(
                "\"added_tokens\":\\[",
                "\"added_tokens\":[{\"id\":262,\"content\":\"<far>\",\"special\":true"
                    + flags
                    + ",{\"id\":263,\"content\":\"<think>\",\"special\":false"
                    + flags
                    + ",");
    try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.parse(file, "f")) {
      int[] ids = tokenizer.encode("a<think><far>");
      assertArrayEquals(new int[] {id('a'), 263, id('<')}, Arrays.copyOf(ids, 3));
      assertEquals("a<think><far>", tokenizer.decode(ids, false));
      assertEquals(2 + "<far>".length(), ids.length);
    }
  }

  /**
   * A vocabulary that holds a special token's text, and a model that looks whole words up in it.
   */
  @Test
  void aSpecialTokenIsNotFoundAsAWholeWordEither() {
    String file =
        TinyVocabulary.json()
            .replace("\"ignore_merges\":false", "\"ignore_merges\":true")
            .replace("<|mask|>", "mask");
    assertTrue(file.contains("\"ignore_merges\":true"));
    try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.parse(file, "f")) {
      assertArrayEquals(
          "mask".chars().map(HuggingFaceTokenizerTest::id).toArray(), tokenizer.encode("mask"));
    }
  }

  @Test
  void partOfACharacterIsAReplacementCharacter() {
    try (HuggingFaceTokenizer tokenizer = tiny()) {
      int[] ids = tokenizer.encode("a🎉");
      assertEquals(5, ids.length);
      assertEquals("a\uFFFD", tokenizer.decode(Arrays.copyOf(ids, 4), true));
      assertEquals("\uFFFDb", tokenizer.decode(new int[] {id(0xFF), id('b')}, true));
    }
  }

  @Test
  void halfASurrogatePairIsAReplacementCharacter() {
    try (HuggingFaceTokenizer tokenizer = tiny()) {
      assertEquals("a\uFFFDb🎉", tokenizer.decode(tokenizer.encode("a\uD83Cb🎉"), true));
    }
  }

  @Test
  void unknownIdsAreSkippedAndNegativeOnesRefused() {
    try (HuggingFaceTokenizer tokenizer = tiny()) {
      assertEquals(
          "ab", tokenizer.decode(new int[] {id('a'), 100_000, Integer.MAX_VALUE, id('b')}, true));
      assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {3, -1}, true));
    }
  }

  @Test
  void truncationPaddingAndTemplatesOfTheFileAreOff() {
    String file =
        TinyVocabulary.json()
            .replaceFirst(
                "\\{",
                """
                {"truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
                 "padding": {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "<|endoftext|>"},
                 "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
                """);
    try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.parse(file, "f")) {
      assertEquals(1000, tokenizer.encode("x".repeat(1000)).length);
      assertEquals(1, tokenizer.encode("x").length);
    }
  }

  @Test
  void leavesTheSettingsOfOthersAlone() {
    tiny().close();
    assertNull(System.getProperty("RUST_FLAVOR"));
    assertNull(System.getProperty("ENGINE_CACHE_DIR"));
    assertNull(System.getProperty("ai.djl.offline"));
  }

  @Test
  void closedIsAnError() {
    HuggingFaceTokenizer tokenizer = tiny();
    tokenizer.close();
    tokenizer.close();
    assertThrows(IllegalStateException.class, () -> tokenizer.encode("a"));
    assertThrows(IllegalStateException.class, () -> tokenizer.decode(new int[] {3}, true));
  }

  @Test
  void manyThreadsAtOnce() throws Exception {
    String text = "hello world, hello <|mask|> 漢字 ".repeat(50);
    try (HuggingFaceTokenizer tokenizer = tiny();
        ExecutorService pool = Executors.newFixedThreadPool(4)) {
      int[] expected = tokenizer.encode(text);
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        all.add(
            pool.submit(
                () -> {
                  assertArrayEquals(expected, tokenizer.encode(text));
                  assertEquals(text, tokenizer.decode(expected, true));
                }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
  }

  @Test
  void damagedFilesAreErrorsThatNameFileAndField(@TempDir Path folder) throws IOException {
    String good = TinyVocabulary.json();
    Path file = folder.resolve("tokenizer.json");
    String[][] cases = {
      {"", "JSON object"},
      {good.substring(0, good.length() / 2), "not JSON"},
      {"[]", "JSON object"},
      {"{}", "model"},
      {good.replace("\"type\":\"BPE\"", "\"type\":\"Unigram\""), "model.type"},
      {good.replace("\"vocab\":{", "\"vocab\":{\"zzz\":-4,"), "model.vocab[\"zzz\"]"},
      {good.replace("\"vocab\":{", "\"vocab\":{\"zzz\":2000000000,"), "2000000000"},
      {good.replace("\"h e\"", "\"h é\""), "model.merges[0]"},
      {good.replace("\"h e\"", "17"), "model.merges[0]"},
      {good.replace("\"merges\"", "\"mergers\""), "model.merges"},
      {good.replace("\"content\":\"<|mask|>\"", "\"content\":null"), "added_tokens[1].content"},
      {good.replace("\"id\":1,", "\"id\":\"one\","), "added_tokens[1].id"},
      {good.replaceFirst("\"Split\"", "\"Precompiled\""), "pre_tokenizer.pretokenizers[0].type"},
      {good.replaceFirst("\"Regex\":\"", "\"Regex\":\"("), "refuses"},
      {good.replace("\"model\":{", "\"model\":{\"dropout\":0.5,"), "model.dropout"},
      {good.replace("\"model\":{", "\"model\":{\"end_of_word_suffix\":\"</w>\","), "suffix"},
      {good.replace("\"model\":{", "\"model\":{\"unk_token\":\"?!\","), "model.unk_token"},
    };
    for (String[] one : cases) {
      assertTrue(!one[0].equals(good), "the damage must hit: " + one[1]);
      Files.writeString(file, one[0]);
      String message =
          assertThrows(CheckpointException.class, () -> HuggingFaceTokenizer.open(file), one[1])
              .getMessage();
      assertTrue(message.contains(file.toString()), message);
      assertTrue(message.contains(one[1]), message + " lacks " + one[1]);
    }
    Files.write(file, new byte[] {'{', (byte) 0xFF, '}'});
    assertThrows(CheckpointException.class, () -> HuggingFaceTokenizer.open(file));
    assertThrows(
        CheckpointException.class, () -> HuggingFaceTokenizer.open(folder.resolve("no.json")));
    assertThrows(CheckpointException.class, () -> HuggingFaceTokenizer.open(folder));
  }

  @Test
  void idsThatTheLibraryWouldRenumberAreRefused() {
    String file =
        TinyVocabulary.json()
            .replaceFirst(
                "\"added_tokens\":\\[",
                "\"added_tokens\":[{\"id\":300,\"content\":\"<|far|>\",\"special\":true,\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false},");
    String message =
        assertThrows(CheckpointException.class, () -> HuggingFaceTokenizer.parse(file, "f"))
            .getMessage();
    assertTrue(message.contains("<|far|>") && message.contains("300"), message);
  }

  /** Native code panics on some inputs and takes the JVM along: none may get through to it. */
  @Test
  void mutatedFilesNeverCrash() {
    String good = TinyVocabulary.json();
    String[] words = {
      "null",
      "-1",
      "\"x\"",
      "\"\"",
      "[]",
      "{}",
      "1e9",
      "true",
      "\"BPE\"",
      "\"Unigram\"",
      "\"Sequence\"",
      "\"Prepend\"",
      "\"Precompiled\"",
      "\"Strip\"",
      "\"Replace\"",
      "\"(\"",
      "4294967296",
      "\"^\"",
      "\"Metaspace\""
    };
    // Only the parts around the vocabulary, or nearly every mutation would hit a vocabulary entry.
    int start = good.indexOf("\"vocab\"");
    int end = good.indexOf("\"merges\"");
    Pattern token = Pattern.compile("\"(?:[^\"\\\\]|\\\\.)*\"|-?\\d+|true|false|null");
    List<MatchResult> places =
        token.matcher(good).results().filter(m -> m.end() < start + 60 || m.start() > end).toList();
    int refused = 0;
    for (int trial = 0; trial < 1500; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      MatchResult place = places.get(random.nextInt(places.size()));
      String word =
          random.nextInt(4) == 0
              ? places.get(random.nextInt(places.size())).group()
              : words[random.nextInt(words.length)];
      String bad = good.substring(0, place.start()) + word + good.substring(place.end());
      try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.parse(bad, "mutated")) {
        tokenizer.decode(tokenizer.encode("hello <|mask|> world 12 🎉\n\n x"), true);
        tokenizer.decode(new int[] {0, 1, 2, 257, 300, 9999}, false);
      } catch (CheckpointException e) {
        assertTrue(e.getMessage().startsWith("mutated"), e.getMessage());
        refused++;
      }
    }
    assertTrue(refused > 500, refused + " refused");
  }
}
