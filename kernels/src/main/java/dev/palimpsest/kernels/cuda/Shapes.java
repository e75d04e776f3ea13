/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
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
}
