/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.process.Change;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.Revision;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What stands already and only a correction changes. */
class DraftTest {
  private static final int[] DRAFT = {40, 41, 42, 43, 44, 45};

  @Test
  void aCorrectionChangesTheDraftAndNothingElse() {
    try (Engine engine = Engine.open(GoldenPaths.of("llada-tiny"), EngineOptions.DEFAULT)) {
      GenerationRequest.Builder request =
          GenerationRequest.builder().tokens(5, 6, 7).draft(DRAFT).tokens(8, 9);
      Generation edited =
          engine.submit(request.correction(new Correction.Edit(0)).steps(1).build());
      List<Revision> revisions = edited.revisions().toList();
      assertEquals(2, revisions.size());
      assertEquals(0, revisions.getFirst().masked());
      assertTrue(revisions.get(1).changes().size() > 0);
      assertTrue(
          revisions.get(1).changes().stream()
              .allMatch(c -> c instanceof Change.Replace && c.position() >= 3 && c.position() < 9));
      assertEquals(11, edited.result().join().tokens().size());

      Generation remasked =
          engine.submit(request.correction(new Correction.Remask(0.9, 2)).steps(4).build());
      List<Revision> taken = remasked.revisions().toList();
      assertEquals(2, taken.stream().mapToInt(DraftTest::takenBack).sum());
      assertEquals(0, taken.getLast().masked());
      List<Integer> tokens = remasked.result().join().tokens();
      assertEquals(List.of(5, 6, 7), tokens.subList(0, 3));
      assertEquals(List.of(8, 9), tokens.subList(9, 11));
    }
  }

  private static int takenBack(Revision revision) {
    return (int) revision.changes().stream().filter(c -> c instanceof Change.Remask).count();
  }

  @Test
  void withoutACorrectionItIsRefused() {
    GenerationRequest.Builder request = GenerationRequest.builder().draft(DRAFT);
    String message = assertThrows(IllegalArgumentException.class, request::build).getMessage();
    assertTrue(message.contains("correction"), message);
    assertThrows(IllegalArgumentException.class, () -> GenerationRequest.builder().draft());
    try (Engine engine = Engine.open(GoldenPaths.of("llada-tiny"), EngineOptions.DEFAULT)) {
      GenerationRequest wrong =
          GenerationRequest.builder().draft(1_000_000).correction(new Correction.Edit(0.5)).build();
      String outside =
          assertThrows(IllegalArgumentException.class, () -> engine.submit(wrong)).getMessage();
      assertTrue(outside.contains("outside the vocabulary"), outside);
    }
  }
}
