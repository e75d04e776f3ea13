/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;

/** What the ops refuse, by the name of the op. */
final class Shapes {
  private Shapes() {}

  static void tensor(
      DeviceMemory memory, String op, String role, Tensor t, DType dtype, int rows, int width) {
    if (!t.memory().scope().isAlive()) {
      throw new IllegalStateException(op + ": " + role + " was freed");
    }
    if (t.dtype() != dtype || t.rows() < rows || t.width() != width || rows < 0) {
      throw new IllegalArgumentException(
          "%s: %s must be %s with at least %d rows of %d; found %s %d x %d"
              .formatted(op, role, dtype, rows, width, t.dtype(), t.rows(), t.width()));
    }
    if (!memory.owns(t.memory())) {
      throw new IllegalArgumentException(op + ": " + role + " was not allocated by this device");
    }
  }

  static void indices(String op, String what, int[] values, int count, int limit) {
    if (values.length < count) {
      throw new IllegalArgumentException(
          "%s: %d rows want as many values of %s; found %d"
              .formatted(op, count, what, values.length));
    }
    for (int i = 0; i < count; i++) {
      if (values[i] < 0 || values[i] >= limit) {
        throw new IllegalArgumentException(
            "%s: %s %d in row %d is not in 0 to %d".formatted(op, what, values[i], i, limit - 1));
      }
    }
  }

  static void paging(RowSpans spans, int[] positions, int pages) {
    if (positions.length < spans.rows()) {
      throw new IllegalArgumentException(
          "attention: %d rows want as many positions; found %d"
              .formatted(spans.rows(), positions.length));
    }
    for (int s = 0; s < spans.sequences(); s++) {
      if (!spans.paged(s)) {
        continue;
      }
      for (int i = KvStore.pagesFor(spans.context(s)) - 1; i >= 0; i--) {
        if (spans.pages(s)[i] < 0 || spans.pages(s)[i] >= pages) {
          throw new IllegalArgumentException(
              "attention: sequence %d names page %d; the K/V store has %d"
                  .formatted(s, spans.pages(s)[i], pages));
        }
      }
      int last = -1;
      for (int row = spans.start(s); row < spans.start(s + 1); row++) {
        if (positions[row] <= last || positions[row] >= spans.context(s)) {
          throw new IllegalArgumentException(
              "attention: positions of sequence %d must ascend and be below %d; found %d after %d"
                  .formatted(s, spans.context(s), positions[row], last));
        }
        last = positions[row];
      }
    }
  }

  static void predictions(PredictionRows wanted, int rows) {
    for (int i = 0; i < wanted.size(); i++) {
      if (wanted.row(i) < 0 || wanted.row(i) >= rows || wanted.unconditionalRow(i) >= rows) {
        throw new IllegalArgumentException(
            "predict: entry %d wants rows %d and %d of %d"
                .formatted(i, wanted.row(i), wanted.unconditionalRow(i), rows));
      }
    }
  }
}
