/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NGramModelTest {
  @TempDir Path folder;

  private TokenFile tokens(int... ids) throws IOException {
    byte[] bytes = new byte[2 * ids.length];
    for (int i = 0; i < ids.length; i++) {
      bytes[2 * i] = (byte) ids[i];
      bytes[2 * i + 1] = (byte) (ids[i] >> 8);
    }
    Path file = folder.resolve("n.tokens");
    Files.write(file, bytes);
    return TokenFile.open(file);
  }

  @Test
  void probabilitiesSumToOneInEveryContext() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      NGramModel model = new NGramModel(tokens, 40);
      for (int[] context :
          new int[][] {{}, {5}, {5, 6}, {5, 6, 7, 8}, {39, 38, 37, 36}, {3, 3, 3, 8}}) {
        double[] p = model.next(context, context.length);
        assertEquals(1, Arrays.stream(p).sum(), 1e-9);
        assertTrue(Arrays.stream(p).allMatch(x -> x > 0));
      }
    }
  }

  @Test
  void aKnownBigramHasItsKneserNeyProbability() throws IOException {
    // 2 3 2 4 2 3 2 4 …: after 2 come 3 and 4; kinds of left neighbours: 2 has two, 3 and 4 one.
    int[] ids = new int[400];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = i % 2 == 0 ? 2 : i % 4 == 1 ? 3 : 4;
    }
    try (TokenFile tokens = tokens(ids)) {
      NGramModel model = new NGramModel(tokens, 5);
      double[] unigram = model.next(new int[0], 0);
      // (2 − 0.75)/4 + 0.75·3/4/5 for token 2.
      assertEquals(1.25 / 4 + 0.75 * 3 / 4 / 5, unigram[2], 1e-12);
      assertEquals(0.25 / 4 + 0.75 * 3 / 4 / 5, unigram[3], 1e-12);
      double[] after = model.next(new int[] {2, 3, 2}, 3);
      assertEquals(4, indexOfLargest(after));
    }
  }

  private static int indexOfLargest(double[] p) {
    int best = 0;
    for (int i = 1; i < p.length; i++) {
      best = p[i] > p[best] ? i : best;
    }
    return best;
  }

  @Test
  void aHoleIsFilledSoThatTheRightSideFits() throws IOException {
    // 7 is followed by 8 20 21 thrice as often as by 9 30 31; the right side says which one it was.
    int[] ids = new int[1200];
    int[] often = {6, 7, 8, 20, 21};
    int[] seldom = {6, 7, 9, 30, 31};
    for (int i = 0; i < ids.length; i++) {
      ids[i] = (i / 5 % 4 == 3 ? seldom : often)[i % 5];
    }
    try (TokenFile tokens = tokens(ids)) {
      NGramModel model = new NGramModel(tokens, 40);
      int[] left = {6, 7};
      assertArrayEquals(new int[] {8}, model.fill(left, 1, new int[] {20, 21}, 4, 0));
      assertArrayEquals(new int[] {9}, model.fill(left, 1, new int[] {30, 31}, 4, 0));
      assertArrayEquals(new int[] {8, 20, 21}, model.fill(left, 3, new int[] {6, 7}, 4, 0));
    }
  }

  @Test
  void tooLargeAVocabularyIsRefused() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> new NGramModel(tokens, 4097));
      assertTrue(e.getMessage().contains("4096"));
    }
  }
}
