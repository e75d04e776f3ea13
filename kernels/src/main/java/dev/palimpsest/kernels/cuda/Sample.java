/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import java.lang.foreign.MemorySegment;

/** Launches of {@code sample.cu}, and what a prediction comes back as. */
final class Sample {
  /** Bytes of {@code Found}. */
  static final int FOUND_BYTES = 40;

  /** {@code SampleShared}. */
  static final int SHARED = 8 * (8 + 4 + 4 + 4);

  private static final int NOTHING_LEFT = 1;
  private static final int NOT_FINITE = 2;

  private final Kernel sample;

  Sample(Modules modules) {
    sample =
        modules.kernel(
            "sample", "sample", 256, SHARED, "logits*", "n", "wanted*", "suppressed*", "found*");
  }

  void run(MemorySegment logits, int n, int entries, long wanted, long suppressed, long found) {
    sample.set(0, logits).set(1, n).set(2, wanted).set(3, suppressed).set(4, found).launch(entries);
  }

  /** Reads entry {@code i} from where its {@code Found} lies on the host. */
  static void read(MemorySegment found, long at, int i, PredictionRows wanted, Predictions out) {
    read(found, at, wanted.position(i), i, out);
    if (wanted.presentToken(i) != PredictionRows.NO_TOKEN) {
      out.setPresentProbability(i, found.get(JAVA_DOUBLE, at + 32));
    }
  }

  /** Reads what was found for {@code position} as entry {@code to}. */
  static void read(MemorySegment found, long at, int position, int to, Predictions out) {
    switch (found.get(JAVA_INT, at + 4)) {
      case NOTHING_LEFT ->
          throw new IllegalStateException(
              "predict: position " + position + " has no token left: every logit is −∞");
      case NOT_FINITE ->
          throw new IllegalStateException(
              "predict: the logits of position "
                  + position
                  + " hold NaN or infinity; the weights or activations are broken");
      default -> {}
    }
    out.set(
        to,
        found.get(JAVA_INT, at),
        found.get(JAVA_DOUBLE, at + 8),
        found.get(JAVA_DOUBLE, at + 16),
        found.get(JAVA_DOUBLE, at + 24));
  }
}
