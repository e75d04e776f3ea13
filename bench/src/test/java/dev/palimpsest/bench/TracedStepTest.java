/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.bench.llamacpp.Predicted;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.util.List;
import org.junit.jupiter.api.Test;

class TracedStepTest {
  private static final int MASK = 99;

  /** One prompt token, then two blocks of two. */
  private static final DecodeShape SHAPE =
      new DecodeShape(1, 4, 2, 1, null, Algorithm.LOW_CONFIDENCE, CacheMode.NONE, 0);

  private static final List<Revision> REVISIONS =
      List.of(
          new Revision(
              0,
              List.of(
                  new Change.Insert(0, 7),
                  new Change.Insert(1, MASK),
                  new Change.Insert(2, MASK),
                  new Change.Insert(3, MASK),
                  new Change.Insert(4, MASK)),
              4),
          new Revision(1, List.of(new Change.Commit(2, 20, 0.5)), 3),
          new Revision(2, List.of(new Change.Commit(1, 10, 0.5)), 2),
          new Revision(
              3, List.of(new Change.Commit(3, 30, 0.5), new Change.Commit(4, 40, 0.4)), 0));

  @Test
  void aStepIsTheCanvasBeforeItAndTheMasksOfItsBlock() {
    List<TracedStep> steps = TracedStep.of(REVISIONS, SHAPE, MASK);
    assertEquals(3, steps.size());
    assertArrayEquals(new int[] {7, MASK, MASK, MASK, MASK}, steps.get(0).canvas());
    assertArrayEquals(new int[] {1, 2}, steps.get(0).masked());
    assertArrayEquals(new int[] {7, MASK, 20, MASK, MASK}, steps.get(1).canvas());
    assertArrayEquals(new int[] {1}, steps.get(1).masked());
    assertArrayEquals(new int[] {7, 10, 20, MASK, MASK}, steps.get(2).canvas());
    assertArrayEquals(new int[] {3, 4}, steps.get(2).masked());
    assertEquals(new Change.Commit(2, 20, 0.5), steps.get(0).commits().getFirst());
  }

  @Test
  void agreementIsOfPositionsAndTokens() {
    List<TracedStep> steps = TracedStep.of(REVISIONS, SHAPE, MASK);
    Agreement agreement =
        Agreement.NONE
            // Position 2 is the surest, as with us.
            .and(steps.get(0), predicted(10, 0.1, 20, 0.2), MASK)
            // Another token.
            .and(steps.get(1), predicted(11, 0.1), MASK)
            // One of two tokens.
            .and(steps.get(2), predicted(30, 0.1, 41, 0.2), MASK);
    assertEquals(new Agreement(3, 1, 4, 2), agreement);
    // Position 1 is surer there.
    assertEquals(
        new Agreement(1, 0, 1, 0),
        Agreement.NONE.and(steps.get(0), predicted(10, 0.3, 20, 0.2), MASK));
    // Who predicts MASK is not committed; a tie goes to the lower position.
    assertEquals(
        new Agreement(1, 1, 1, 1),
        Agreement.NONE.and(steps.get(0), predicted(MASK, 0.3, 20, 0.2), MASK));
    assertEquals(
        new Agreement(1, 0, 1, 0),
        Agreement.NONE.and(steps.get(0), predicted(10, 0.2, 20, 0.2), MASK));
  }

  /** Token and confidence of each masked position. */
  private static Predicted predicted(double... pairs) {
    int[] tokens = new int[pairs.length / 2];
    double[] confidences = new double[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = (int) pairs[2 * i];
      confidences[i] = pairs[2 * i + 1];
    }
    return new Predicted(1, tokens, confidences);
  }

  @Test
  void aFewStepsAreSpreadOverAll() {
    List<Integer> steps = List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    assertEquals(List.of(1, 5, 8), PeerDecodeCommand.spread(steps, 3));
    assertEquals(List.of(5), PeerDecodeCommand.spread(steps, 1));
    assertEquals(steps, PeerDecodeCommand.spread(steps, 0));
    assertEquals(steps, PeerDecodeCommand.spread(steps, 11));
  }
}
