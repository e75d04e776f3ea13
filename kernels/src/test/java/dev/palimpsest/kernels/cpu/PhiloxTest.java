/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The known answers that Random123 publishes for philox4x32 with 10 rounds. */
  @Test
  void knownAnswers() {
    Philox p = new Philox();
    p.block(0, 0, 0, 0, 0, 0);
    expect(p, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    p.block(-1, -1, -1, -1, -1, -1);
    expect(p, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    p.block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0);
    expect(p, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  private static void expect(Philox p, int... words) {
    for (int i = 0; i < 4; i++) {
      assertEquals(words[i], p.word(i), "word " + i);
    }
  }

  @Test
  void uniformsLieStrictlyBetweenZeroAndOneAndSpreadEvenly() {
    Philox p = new Philox();
    double sum = 0;
    int n = 40_000;
    for (int group = 0; group < n / 4; group++) {
      p.noise(42, 3, 7, group);
      for (int i = 0; i < 4; i++) {
        double u = p.uniform(i);
        assertTrue(u > 0 && u < 1);
        assertTrue(p.complement(i) >= 0x1p-33 && p.complement(i) < 1);
        assertEquals(1, u + p.complement(i));
        sum += u;
      }
    }
    assertEquals(0.5, sum / n, 4 * Math.sqrt(1.0 / 12 / n));
  }
}
