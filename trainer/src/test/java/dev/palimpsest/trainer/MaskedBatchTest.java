/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MaskedBatchTest {
  @TempDir Path folder;

  @Test
  void aBatchHangsOnSeedAndStepOnly() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      MaskedBatch.Source source = Fixture.source(tokens);
      MaskedBatch a = MaskedBatch.draw(source, 4, 1, 9, 0.5, 0.5);
      MaskedBatch b = MaskedBatch.draw(source, 4, 1, 9, 0.5, 0.5);
      assertArrayEquals(a.ids(), b.ids());
      assertArrayEquals(a.positions(), b.positions());
      assertFalse(Arrays.equals(a.ids(), MaskedBatch.draw(source, 4, 1, 10, 0.5, 0.5).ids()));
      assertFalse(Arrays.equals(a.ids(), MaskedBatch.draw(source, 4, 2, 9, 0.5, 0.5).ids()));
    }
  }

  @Test
  void masksStandWherePositionsSayAndTargetsAreTheCorpus() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      for (int step = 0; step < 50; step++) {
        MaskedBatch batch = MaskedBatch.draw(Fixture.source(tokens), 4, 1, step, 0.5, 0);
        int[] restored = batch.ids().clone();
        for (int i = 0; i < batch.positions().length; i++) {
          assertEquals(Fixture.SHAPE.maskId(), batch.ids()[batch.positions()[i]]);
          assertNotEquals(Fixture.SHAPE.maskId(), batch.targets()[i]);
          assertTrue(batch.weights()[i] >= 1 && batch.weights()[i] <= 1 / MaskedBatch.LEAST_LEVEL);
          restored[batch.positions()[i]] = (int) batch.targets()[i];
        }
        assertTrue(Arrays.stream(restored).noneMatch(id -> id == Fixture.SHAPE.maskId()));
        for (int r = 0; r < 4; r++) {
          assertTrue(occurs(tokens, Arrays.copyOfRange(restored, r * 16, r * 16 + 16)));
        }
      }
    }
  }

  @Test
  void wrongTokensAreVisibleAndPredictedBesideAsManyRightOnes() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      int wrong = 0;
      int right = 0;
      for (int step = 0; step < 400; step++) {
        MaskedBatch batch = MaskedBatch.draw(Fixture.source(tokens), 4, 1, step, 0.5, 1);
        int[] restored = batch.ids().clone();
        for (int i = 0; i < batch.positions().length; i++) {
          int shown = batch.ids()[batch.positions()[i]];
          if (shown != Fixture.SHAPE.maskId()) {
            assertEquals(1, batch.weights()[i]);
            assertNotEquals(Fixture.SHAPE.endId(), shown == batch.targets()[i] ? -1 : shown);
            wrong += shown != batch.targets()[i] ? 1 : 0;
            right += shown == batch.targets()[i] ? 1 : 0;
          }
          restored[batch.positions()[i]] = (int) batch.targets()[i];
        }
        for (int r = 0; r < 4; r++) {
          assertTrue(occurs(tokens, Arrays.copyOfRange(restored, r * 16, r * 16 + 16)));
        }
      }
      assertTrue(wrong > 500, "wrong: " + wrong);
      assertEquals(1, (double) right / wrong, 0.2);
    }
  }

  private static boolean occurs(TokenFile tokens, int[] row) {
    for (long at = 0; at + row.length <= tokens.length(); at++) {
      int i = 0;
      while (i < row.length && tokens.at(at + i) == row[i]) {
        i++;
      }
      if (i == row.length) {
        return true;
      }
    }
    return false;
  }

  @Test
  void levelsCoverTheBatchEvenly() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      // Unstructured rows: the share of masked tokens must average one half.
      double masked = 0;
      int steps = 400;
      for (int step = 0; step < steps; step++) {
        masked += MaskedBatch.draw(Fixture.source(tokens), 4, 1, step, 0, 0).positions().length;
      }
      assertEquals(0.51, masked / (steps * 4 * 16), 0.01);
    }
  }

  @Test
  void partsMakeUpTheWhole() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      MaskedBatch batch = MaskedBatch.draw(Fixture.source(tokens), 5, 1, 2, 0.5, 0.5);
      MaskedBatch low = batch.part(0, 2);
      MaskedBatch high = batch.part(2, 5);
      assertEquals(batch.positions().length, low.positions().length + high.positions().length);
      assertArrayEquals(Arrays.copyOfRange(batch.ids(), 32, 80), high.ids());
      for (int i = 0; i < high.positions().length; i++) {
        int whole = low.positions().length + i;
        assertEquals(batch.positions()[whole] - 32, high.positions()[i]);
        assertEquals(batch.targets()[whole], high.targets()[i]);
        assertEquals(batch.weights()[whole], high.weights()[i]);
      }
    }
  }
}
