/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import org.junit.jupiter.api.Test;

class DecodeShapeTest {
  private static DecodeShape shape(int newTokens, int blockLength, int tokensPerStep) {
    return new DecodeShape(
        3,
        newTokens,
        blockLength,
        tokensPerStep,
        null,
        Algorithm.LOW_CONFIDENCE,
        CacheMode.DUAL,
        0);
  }

  @Test
  void aBlockEndsWithWhatIsLeft() {
    assertEquals(8, shape(256, 32, 4).stepsPerBlock());
    assertEquals(2, shape(12, 6, 4).stepsPerBlock());
    assertEquals(1, shape(256, 32, 32).stepsPerBlock());
    assertEquals(16, shape(64, 0, 4).stepsPerBlock());
    assertEquals(2, shape(8, 32, 4).stepsPerBlock());
  }
}
