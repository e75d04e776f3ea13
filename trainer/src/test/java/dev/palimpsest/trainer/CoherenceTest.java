/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CoherenceTest {
  private static final Path TOKENIZER = Path.of("../models/java-tiny/tokenizer.json");

  @TempDir Path folder;

  private static int[] encode(HuggingFaceTokenizer tokenizer, String text) {
    return Arrays.stream(tokenizer.encode(text, false, false).getIds())
        .mapToInt(i -> (int) i)
        .toArray();
  }

  private TokenFile tokens(int... ids) throws IOException {
    byte[] bytes = new byte[2 * ids.length];
    for (int i = 0; i < ids.length; i++) {
      bytes[2 * i] = (byte) ids[i];
      bytes[2 * i + 1] = (byte) (ids[i] >> 8);
    }
    Path file = folder.resolve("some.tokens");
    Files.write(file, bytes);
    return TokenFile.open(file);
  }

  @Test
  void windowsDoubleAndTheLastEndsWhereTheTextDoes() {
    assertEquals(
        List.of(
            new PositionWindow(0, 128),
            new PositionWindow(128, 256),
            new PositionWindow(256, 512),
            new PositionWindow(512, 640)),
        PositionWindow.upTo(640));
    assertEquals("1,024–2,047", new PositionWindow(1024, 2048).name());
  }

  @Test
  void anEstimateWeighsTextsByWhatTheyHave() {
    Estimate e = Estimate.of(new double[] {2, 0, 4}, new double[] {4, 0, 4}).orElseThrow();
    assertEquals(0.75, e.value());
    // Residuals −1 and 1 of two texts that count: √(2 · 2 / 1) / 8.
    assertEquals(0.25, e.error().orElseThrow(), 1e-12);
    assertTrue(
        Estimate.of(new double[] {2, 0}, new double[] {4, 0}).orElseThrow().error().isEmpty());
    assertEquals(Optional.empty(), Estimate.of(new double[2], new double[2]));
  }

  @Test
  void charactersKnowTheirTokens() throws IOException {
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(TOKENIZER)) {
      String java = "class A {\n    int size() {\n        return 1;\n    }\n}\n";
      int[] some = encode(tokenizer, java);
      int[] two = Arrays.copyOf(some, 2 * some.length + 1);
      two[some.length] = BytePairTrainer.END_ID;
      System.arraycopy(some, 0, two, some.length + 1, some.length);
      TokenText text = new TokenText.Decoder(tokenizer, BytePairTrainer.END_ID).of(two);
      assertEquals(java + TokenText.END + java, text.text());
      for (int t = 0; t < two.length; t++) {
        assertEquals(t, text.token(text.character(t)));
        assertEquals(t, text.token(text.character(t + 1) - 1));
      }
    }
  }

  @Test
  void methodsAreBegunWellFormedOrNot() {
    String text =
        """
        public class A extends B {
            private final int x = f(1) { };
            static {
                go();
            }
            public int good(int a) {
                if (a) { }
            }
            protected int int bad(int[]), int) int {
            public abstract void none();
            public record Point(int x) {
            @Override public void far()
                throws Error {
            int withoutModifier() {
            private int cut(
        """;
    assertEquals(
        List.of("public int good", "protected int int", "public void far"),
        BegunMethods.in(text.replace("@Override public", "@Override\n    public")).stream()
            .map(
                at ->
                    text.replace("@Override public", "@Override\n    public")
                        .substring(at)
                        .lines()
                        .findFirst()
                        .orElseThrow()
                        .split("[(]")[0])
            .map(head -> head.replace(" bad", ""))
            .toList());
  }

  @Test
  void namesOutOfViewAreOldIfTheTextHadThem() {
    // One character a token, so that positions are characters.
    String far = "x".repeat(3) + " ".repeat(OldNames.VIEW + 20);
    String text = "alpha beta " + far + "alpha gamma beta beta return";
    List<OldNames.Use> uses = OldNames.in(characters(text), characters("gamma " + text), 0);
    int at = text.indexOf("gamma") - 6;
    assertEquals(
        List.of(
            new OldNames.Use(at, true, true),
            new OldNames.Use(at + 6, false, true),
            new OldNames.Use(at + 12, true, true)),
        uses);
    assertEquals(
        List.of(true, false, true),
        OldNames.in(characters(text), characters("alpha" + " ".repeat(400)), 0).stream()
            .map(OldNames.Use::own)
            .toList());
    assertEquals(
        List.of(true, false, false),
        OldNames.in(characters(text), characters("alpha" + " ".repeat(400)), 0).stream()
            .map(OldNames.Use::other)
            .toList());
  }

  private static TokenText characters(String text) {
    int[] starts = new int[text.length()];
    Arrays.setAll(starts, i -> i);
    return new TokenText(text, starts);
  }

  @Test
  void streamsBeginWithFilesAndGoOnIntoTheNext() throws IOException {
    try (TokenFile tokens = tokens(5, 6, 7, 0, 8, 0, 9, 9, 9, 0, 4, 4, 4, 4, 0)) {
      List<int[]> streams = HeldOutStreams.of(tokens, 0, 2, 3, 6);
      assertArrayEquals(new int[] {5, 6, 7, 0, 8, 0}, streams.getFirst());
      assertArrayEquals(new int[] {9, 9, 9, 0, 4, 4}, streams.getLast());
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> HeldOutStreams.of(tokens, 0, 3, 3, 6));
      assertTrue(e.getMessage().contains("--texts"), e.getMessage());
    }
  }

  /** The same over and over: a beginning of 8 tokens and 640 more. */
  private static int[] text(int... tokens) {
    int[] text = new int[8 + 640];
    for (int i = 0; i < text.length; i++) {
      text[i] = tokens[i % tokens.length];
    }
    return text;
  }

  private static Coherence coherence(TokenFile train, HuggingFaceTokenizer tokenizer) {
    return new Coherence(
        new NGramModel(train, 4096),
        new TokenText.Decoder(tokenizer, BytePairTrainer.END_ID),
        BytePairTrainer.END_ID);
  }

  @Test
  void measuresSayWhatIsWrongWhereItIsWrong() throws IOException {
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(TOKENIZER)) {
      int[] good =
          encode(tokenizer, "    public int size() {\n        return this.count;\n    }\n\n");
      int[] bad = encode(tokenizer, "    public int int() {\n        return = ;\n    }\n\n");
      int[] counted = new int[50 * good.length];
      Arrays.setAll(counted, i -> good[i % good.length]);
      try (TokenFile train = tokens(counted)) {
        int[] first = text(good);
        int[] second = text(good);
        // From position 256 on the second one is wrong, and ends twice.
        System.arraycopy(text(bad), 0, second, 8 + 256, 640 - 256);
        second[8 + 300] = BytePairTrainer.END_ID;
        second[8 + 400] = BytePairTrainer.END_ID;
        List<Coherence.Row> rows = coherence(train, tokenizer).of(List.of(first, second), 8);
        assertEquals(4, rows.size());
        assertTrue(rows.get(1).nats().orElseThrow().value() < 0.1);
        assertTrue(rows.get(2).nats().orElseThrow().value() > 0.3);
        assertTrue(rows.get(2).nats().orElseThrow().error().orElseThrow() > 0.1);
        assertEquals(0, rows.get(1).ends().orElseThrow().value());
        assertEquals(1000.0 * 2 / 512, rows.get(2).ends().orElseThrow().value(), 1e-9);
        assertEquals(
            (double) good.length / (PositionWindow.STRETCH - 1),
            rows.get(1).distinct().orElseThrow().value(),
            1e-9);
        // All names are in view all the time.
        assertEquals(0, rows.get(1).names());
        assertTrue(rows.get(1).ownNames().isEmpty());
        assertEquals(1, rows.getFirst().accepted().orElseThrow().value());
        double accepted = rows.get(2).accepted().orElseThrow().value();
        assertTrue(accepted > 0.3 && accepted < 0.7, "accepted " + accepted);
        // What begins behind 640 − 256 has no room to close.
        assertEquals(0, rows.get(3).methods());
        assertTrue(rows.get(3).closed().isEmpty());
      }
    }
  }

  @Test
  void whatDoesNotCloseOrDoesNotParseIsCounted() throws IOException {
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(TOKENIZER);
        TokenFile train = tokens(text(5, 6, 7))) {
      int[] good = text(encode(tokenizer, "    public int size() {\n        return 1;\n    }\n\n"));
      int[] bad =
          text(encode(tokenizer, "    public int size() {\n        return = 1;\n    }\n\n"));
      int[] open = text(encode(tokenizer, "    public int size() {\n        return 1;\n\n"));
      List<Coherence.Row> rows = coherence(train, tokenizer).of(List.of(good, bad), 8);
      assertTrue(rows.getFirst().methods() > 4);
      assertEquals(1, rows.getFirst().closed().orElseThrow().value());
      double accepted = rows.getFirst().accepted().orElseThrow().value();
      assertTrue(accepted > 0.4 && accepted < 0.6, "accepted " + accepted);
      rows = coherence(train, tokenizer).of(List.of(open, open), 8);
      assertTrue(rows.getFirst().methods() > 4);
      assertEquals(0, rows.getFirst().closed().orElseThrow().value());
      assertEquals(0, rows.getFirst().accepted().orElseThrow().value());
    }
  }
}
