/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import java.lang.foreign.MemorySegment;

/** Launches of {@code sample.cu}, and the two structs it shares with the host. */
final class Sample {
  /** Ints in {@code Wanted}: a seed of 8 bytes and 12 fields. */
  static final int WANTED_INTS = 14;

  /** Bytes of {@code Found}. */
  static final int FOUND_BYTES = 40;

  /** {@code SampleShared}. */
  private static final int SHARED = 8 * (8 + 4 + 4 + 4);

  private static final int NOTHING_LEFT = 1;
  private static final int NOT_FINITE = 2;

  private final Kernel sample;

  Sample(Modules modules) {
    sample =
        modules.kernel(
            "sample", "sample", 256, SHARED, "logits*", "n", "wanted*", "suppressed*", "found*");
  }

  /**
   * Writes what entry {@code i} wants.
   *
   * @param row of the logits
   * @param unconditional row, or −1
   * @param suppressedAt where its suppressed tokens begin among those of all entries
   */
  static void write(
      PredictionRows wanted,
      int i,
      int row,
      int unconditional,
      int suppressedAt,
      int[] out,
      int at) {
    Sampling s = wanted.sampling(i);
    out[at] = (int) wanted.seed(i);
    out[at + 1] = (int) (wanted.seed(i) >>> 32);
    out[at + 2] = row;
    out[at + 3] = unconditional;
    out[at + 4] = Float.floatToRawIntBits(wanted.guidance(i));
    out[at + 5] = Float.floatToRawIntBits(s.temperature());
    out[at + 6] = Float.floatToRawIntBits(s.topP());
    out[at + 7] = s.topK();
    out[at + 8] = s.confidenceOn() == Sampling.Distribution.FILTERED ? 1 : 0;
    out[at + 9] = wanted.presentToken(i);
    out[at + 10] = wanted.position(i);
    out[at + 11] = wanted.step(i);
    out[at + 12] = suppressedAt;
    out[at + 13] = s.suppressed().length;
  }

  void run(
      MemorySegment logits, int n, int entries, long wanted, long suppressed, MemorySegment found) {
    sample.set(0, logits).set(1, n).set(2, wanted).set(3, suppressed).set(4, found).launch(entries);
  }

  /** Reads entry {@code i} from where its {@code Found} lies on the host. */
  static void read(MemorySegment found, long at, int i, PredictionRows wanted, Predictions out) {
    switch (found.get(JAVA_INT, at + 4)) {
      case NOTHING_LEFT ->
          throw new IllegalStateException(
              "predict: position " + wanted.position(i) + " has no token left: every logit is −∞");
      case NOT_FINITE ->
          throw new IllegalStateException(
              "predict: the logits of position "
                  + wanted.position(i)
                  + " hold NaN or infinity; the weights or activations are broken");
      default -> {}
    }
    out.set(
        i,
        found.get(JAVA_INT, at),
        found.get(JAVA_DOUBLE, at + 8),
        found.get(JAVA_DOUBLE, at + 16),
        found.get(JAVA_DOUBLE, at + 24));
    if (wanted.presentToken(i) != PredictionRows.NO_TOKEN) {
      out.setPresentProbability(i, found.get(JAVA_DOUBLE, at + 32));
    }
  }
}
