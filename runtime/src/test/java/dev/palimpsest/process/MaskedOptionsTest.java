/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.Sampling.Distribution;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedOptions.Algorithm;
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
        "low-confidence, random, origin, maskgit-plus, margin, entropy, threshold, factor, entropy-bounded, margin-threshold, hierarchical");
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
    assertFailure(() -> new Pace.TokensPerStep(0), "tokens per step", "0");
    assertFailure(() -> new Pace.AsNeeded(0), "max steps per block", "0");
    assertFailure(() -> random.withBlockLength(-1), "block length", "-1");
    assertFailure(
        () -> entropy.withBlockLength(32), "entropy", "32", "low-confidence, random, threshold");
    assertFailure(() -> entropy.withAlgorithmTemperature(-1), "algorithm temperature", "-1");
    assertFailure(
        () -> random.withAlgorithmTemperature(0.5), "random", "maskgit-plus, margin, entropy");
    assertFailure(() -> new Remask(1.5, 3), "1.5");
    assertFailure(() -> new Remask(0.5, -3), "budget", "-3");
    assertFailure(() -> new Edit(-0.5), "edit", "-0.5");
    assertFailure(
        () ->
            new MaskedOptions(
                Algorithm.RANDOM,
                new Pace.Steps(4),
                0,
                Bounds.USUAL,
                0,
                random.sampling(),
                -1f,
                Correction.NONE,
                false,
                0),
        "guidance",
        "-1");
  }

  @Test
  void boundsHaveTheirRanges() {
    MaskedOptions threshold = MaskedOptions.greedy(Algorithm.THRESHOLD);
    MaskedOptions factor = MaskedOptions.greedy(Algorithm.FACTOR);
    assertFailure(() -> threshold.withBound(Bound.THRESHOLD, Double.NaN), "threshold", "NaN");
    assertFailure(() -> threshold.withBound(Bound.THRESHOLD, 1.1), "between 0 and 1", "1.1");
    assertFailure(() -> factor.withBound(Bound.FACTOR, -1), "factor", "-1");
    assertFailure(
        () -> factor.withBound(Bound.FACTOR, Double.POSITIVE_INFINITY), "factor", "Infinity");
    assertFailure(
        () ->
            MaskedOptions.greedy(Algorithm.HIERARCHICAL)
                .withBound(Bound.THRESHOLD, 0.5)
                .withBound(Bound.LOW_THRESHOLD, 0.6),
        "low threshold",
        "0.6 and 0.5");
    assertEquals(0.9, threshold.bounds().of(Bound.THRESHOLD));
    assertEquals(2.5, factor.withBound(Bound.FACTOR, 2.5).bounds().of(Bound.FACTOR));
  }

  @Test
  void whatAnAlgorithmHasNoUseForIsAnError() {
    for (Algorithm algorithm : Algorithm.values()) {
      MaskedOptions fitting =
          algorithm.countsSteps()
              ? MaskedOptions.greedy(algorithm, 4)
              : MaskedOptions.greedy(algorithm);
      for (Bound bound : Bound.values()) {
        if (algorithm.bounds().contains(bound)) {
          fitting.withBound(bound, bound.usual());
        } else {
          assertFailure(
              () -> fitting.withBound(bound, 0.5), algorithm.spelling(), bound.spelling(), "0.5");
        }
      }
      if (algorithm.countsSteps()) {
        assertFailure(
            () -> MaskedOptions.greedy(algorithm, new Pace.AsNeeded(7)),
            algorithm.spelling(),
            "max steps per block 7",
            "threshold, factor, entropy-bounded, margin-threshold, hierarchical");
      } else {
        assertFailure(
            () -> MaskedOptions.greedy(algorithm, 7),
            algorithm.spelling(),
            "7 steps",
            "max steps per block",
            "low-confidence, random, origin, maskgit-plus, margin, entropy");
        assertFailure(
            () -> MaskedOptions.greedy(algorithm, new Pace.TokensPerStep(3)),
            algorithm.spelling(),
            "3 tokens per step",
            "low-confidence, random, maskgit-plus, margin, entropy");
      }
    }
    assertFailure(
        () -> MaskedOptions.greedy(Algorithm.ORIGIN, new Pace.TokensPerStep(3)),
        "origin",
        "3 tokens per step",
        "low-confidence, random, maskgit-plus, margin, entropy");
  }

  private static void assertFailure(Executable code, String... parts) {
    String message = assertThrows(IllegalArgumentException.class, code).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), () -> message + " lacks " + part);
    }
  }
}
