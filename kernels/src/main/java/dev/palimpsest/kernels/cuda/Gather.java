/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.lang.foreign.MemorySegment;

/** Launches of {@code gather.cu}. */
final class Gather {
  private final Kernel rows;

  Gather(Modules modules) {
    rows = modules.kernel("gather", "gather_rows", 256, 0, "x*", "index*", "out*", "width");
  }

  /** Copies rows of {@code rowBytes} bytes, an even number. */
  void rows(MemorySegment x, long index, int count, long rowBytes, MemorySegment out) {
    rows.set(0, x).set(1, index).set(2, out).set(3, (int) (rowBytes / 2)).launch(count);
  }
}
