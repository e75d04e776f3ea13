/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * How many steps a request takes. The algorithms that count steps ({@link
 * MaskedOptions.Algorithm#countsSteps}) go by {@link Steps} or {@link TokensPerStep}, the others by
 * {@link AsNeeded}.
 */
public sealed interface Pace {
  /**
   * So many steps over the whole request, divided over its blocks as evenly as they go, the first
   * blocks taking one more.
   *
   * @param total at least one for each block
   */
  record Steps(int total) implements Pace {
    public Steps {
      atLeastOne("steps", total);
    }
  }

  /**
   * Exactly so many positions a step, fewer in the last step of a block. Not for {@link
   * MaskedOptions.Algorithm#ORIGIN}, which draws every position on its own.
   */
  record TokensPerStep(int tokens) implements Pace {
    public TokensPerStep {
      atLeastOne("tokens per step", tokens);
    }
  }

  /**
   * As many steps as the algorithm needs, within a budget for each block: where the algorithm alone
   * would be too slow, a step commits the surest ⌈masks left / steps left⌉ positions, so that the
   * block is done in time.
   *
   * @param maxPerBlock the budget; {@link Integer#MAX_VALUE} for none
   */
  record AsNeeded(int maxPerBlock) implements Pace {
    public static final AsNeeded UNLIMITED = new AsNeeded(Integer.MAX_VALUE);

    public AsNeeded {
      atLeastOne("max steps per block", maxPerBlock);
    }
  }

  private static void atLeastOne(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + " must be at least 1; found " + value);
    }
  }
}
