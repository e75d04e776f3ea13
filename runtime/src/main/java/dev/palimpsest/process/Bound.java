/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * A number by which an algorithm that takes as many steps as it needs tells what is sure enough.
 */
public enum Bound {
  /**
   * Probability (for {@link MaskedOptions.Algorithm#MARGIN_THRESHOLD} the margin) from which
   * everything is committed, 0 to 1.
   */
  THRESHOLD("threshold", 0.9, 1),
  /**
   * Probability from which the surest of a run of masks is committed, 0 to 1. The default is that
   * of dInfer's decoder.
   */
  LOW_THRESHOLD("low threshold", 0.4, 1),
  /** Fast-dLLM's f: the larger, the more at once; from 0. */
  FACTOR("factor", 1, Double.MAX_VALUE),
  /** Most entropy committed in a step, in nats; from 0. The default is that of JetEngine. */
  ENTROPY_BOUND("entropy bound", 0.35, Double.MAX_VALUE);

  private final String spelling;
  private final double usual;
  private final double most;

  Bound(String spelling, double usual, double most) {
    this.spelling = spelling;
    this.usual = usual;
    this.most = most;
  }

  /** The name in words. */
  public String spelling() {
    return spelling;
  }

  /** The value where none is given. */
  public double usual() {
    return usual;
  }

  void check(double value) {
    if (!(value >= 0 && value <= most)) {
      throw new IllegalArgumentException(
          "%s must be %s; found %s"
              .formatted(spelling, most == 1 ? "between 0 and 1" : ">= 0 and finite", value));
    }
  }
}
