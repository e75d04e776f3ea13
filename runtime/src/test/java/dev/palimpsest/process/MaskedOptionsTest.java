/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Sampling.Distribution;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.MaskedOptions.Remask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class MaskedOptionsTest {
  @Test
  void spellingsAreReadBack() {
    for (Algorithm algorithm : Algorithm.values()) {
      assertEquals(algorithm, Algorithm.parse(algorithm.spelling()));
    }
    assertEquals(Algorithm.LOW_CONFIDENCE, Algorithm.parse("low-confidence"));
    assertEquals(Algorithm.MASKGIT_PLUS, Algorithm.parse("maskgit-plus"));
  }

  @Test
  void unknownSpellingsListTheChoices() {
    assertFailure(
        () -> Algorithm.parse("greedy"),
        "\"greedy\"",
        "low-confidence, random, origin, maskgit-plus, margin, entropy, threshold");
  }

  @Test
  void confidenceIsReadWhereTheFamilyReadsIt() {
    assertEquals(Distribution.RAW, Algorithm.LOW_CONFIDENCE.confidenceOn());
    assertEquals(Distribution.RAW, Algorithm.THRESHOLD.confidenceOn());
    assertEquals(Distribution.FILTERED, Algorithm.ENTROPY.confidenceOn());
    assertEquals(Distribution.FILTERED, Algorithm.ORIGIN.confidenceOn());
  }

  @Test
  void impossibleOptionsNameTheKnob() {
    MaskedOptions entropy = MaskedOptions.greedy(Algorithm.ENTROPY, 4);
    MaskedOptions random = MaskedOptions.greedy(Algorithm.RANDOM, 4);
    assertFailure(() -> MaskedOptions.greedy(Algorithm.RANDOM, 0), "steps", "0");
    assertEquals(0, MaskedOptions.greedy(Algorithm.THRESHOLD, 0).steps());
    assertFailure(() -> random.withBlockLength(-1), "block length", "-1");
    assertFailure(
        () -> entropy.withBlockLength(32), "entropy", "32", "low-confidence, random, threshold");
    assertFailure(() -> random.withThreshold(Double.NaN), "threshold", "NaN");
    assertFailure(() -> entropy.withAlgorithmTemperature(-1), "algorithm temperature", "-1");
    assertFailure(
        () -> random.withAlgorithmTemperature(0.5), "random", "maskgit-plus, margin, entropy");
    assertFailure(() -> new Remask(1.5, 3), "1.5");
    assertFailure(() -> new Remask(0.5, -3), "budget", "-3");
    assertFailure(
        () ->
            new MaskedOptions(
                Algorithm.RANDOM, 4, 0, 0.9, 0, random.sampling(), -1f, Remask.OFF, false, 0),
        "guidance",
        "-1");
  }

  private static void assertFailure(Executable code, String... parts) {
    String message = assertThrows(IllegalArgumentException.class, code).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), () -> message + " lacks " + part);
    }
  }
}
