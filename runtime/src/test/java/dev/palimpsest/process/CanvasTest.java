/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CanvasTest {
  private static final int MASK = 7;

  @Test
  void replayOfAnyChangesGivesTheSameTokens() {
    for (int trial = 0; trial < 500; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      Canvas canvas = new Canvas(MASK);
      List<Integer> model = new ArrayList<>();
      List<Revision> log = new ArrayList<>();
      for (int step = 0; step < 20; step++) {
        List<Change> changes = new ArrayList<>();
        for (int i = random.nextInt(12); i > 0; i--) {
          changes.add(anyChange(random, model));
        }
        Revision revision =
            new Revision(step, changes, (int) model.stream().filter(t -> t == MASK).count());
        canvas.apply(revision);
        log.add(revision);
        assertEquals(model, boxed(canvas));
        assertEquals(revision.masked(), canvas.maskedPositions().cardinality());
      }
      Canvas replay = new Canvas(MASK);
      log.forEach(replay::apply);
      assertArrayEquals(canvas.tokens(), replay.tokens());
    }
  }

  /** A change that fits {@code model}, which it is also made to. */
  private static Change anyChange(SplittableRandom random, List<Integer> model) {
    int kind = random.nextInt(5);
    if (model.isEmpty() || kind < 2) {
      int p = random.nextInt(model.size() + 1);
      int token = random.nextBoolean() ? MASK : random.nextInt(100);
      model.add(p, token);
      return new Change.Insert(p, token);
    }
    int p = random.nextInt(model.size());
    int present = model.get(p);
    if (kind == 2) {
      model.remove(p);
      return new Change.Delete(p);
    }
    if (present == MASK) {
      int token = 10 + random.nextInt(90);
      model.set(p, token);
      return new Change.Commit(p, token, random.nextDouble());
    }
    if (kind == 3) {
      model.set(p, MASK);
      return new Change.Remask(p, present, random.nextDouble());
    }
    int token = 10 + random.nextInt(90);
    model.set(p, token);
    return new Change.Replace(p, present, token, random.nextDouble());
  }

  private static List<Integer> boxed(Canvas canvas) {
    List<Integer> tokens = new ArrayList<>();
    for (int i = 0; i < canvas.length(); i++) {
      tokens.add(canvas.token(i));
    }
    return tokens;
  }

  @Test
  void changesThatDoNotFitAreErrors() {
    Canvas canvas = new Canvas(MASK);
    canvas.apply(new Change.Insert(0, 1));
    canvas.apply(new Change.Insert(1, MASK));
    for (Change change :
        List.of(
            new Change.Commit(0, 5, 1),
            new Change.Commit(2, 5, 1),
            new Change.Commit(-1, 5, 1),
            new Change.Replace(0, 2, 5, 1),
            new Change.Remask(1, 3, 1),
            new Change.Insert(3, 1),
            new Change.Delete(2))) {
      assertThrows(IllegalArgumentException.class, () -> canvas.apply(change), change.toString());
    }
    assertArrayEquals(new int[] {1, MASK}, canvas.tokens());
    assertThrows(IndexOutOfBoundsException.class, () -> canvas.token(2));
  }

  @Test
  void copiesIntoARow() {
    Canvas canvas = new Canvas(MASK);
    canvas.apply(new Change.Insert(0, 1));
    canvas.apply(new Change.Insert(1, 2));
    int[] row = new int[4];
    canvas.copyTo(row, 1);
    assertArrayEquals(new int[] {0, 1, 2, 0}, row);
  }
}
