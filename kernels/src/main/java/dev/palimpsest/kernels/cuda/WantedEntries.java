/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Sampling;
import java.util.Arrays;

/** Entries of a launch as {@code prediction.cuh} has them, and the tokens they suppress. */
final class WantedEntries {
  /** Ints in {@code Wanted}: a seed of 8 bytes and 12 fields. */
  static final int INTS = 14;

  private final StepArray entryArray;
  private final StepArray suppressedArray;
  private int[] entries = new int[64 * INTS];
  private int[] suppressed = new int[64];
  private int size;
  private int suppressedSize;

  WantedEntries(CudaContext context, DeviceMemory memory) {
    entryArray = new StepArray(context, memory);
    suppressedArray = new StepArray(context, memory);
  }

  void clear() {
    size = 0;
    suppressedSize = 0;
  }

  /**
   * Adds entry {@code i} of {@code wanted}.
   *
   * @param row of the logits, where the kernel reads them from memory
   * @param unconditional row, or −1
   */
  void add(PredictionRows wanted, int i, int row, int unconditional) {
    int[] none = wanted.sampling(i).suppressed();
    int at = size++ * INTS;
    entries = room(entries, at + INTS);
    write(wanted, i, row, unconditional, suppressedSize, entries, at);
    suppressed = room(suppressed, suppressedSize + none.length);
    System.arraycopy(none, 0, suppressed, suppressedSize, none.length);
    suppressedSize += none.length;
  }

  /**
   * Writes entry {@code i} of {@code wanted}.
   *
   * @param suppressedAt where the tokens that it suppresses lie
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

  /** The device's address of the entries. */
  long entriesAt() {
    return entryArray.upload(entries, size * INTS);
  }

  /** The device's address of the suppressed tokens of all of them. */
  long suppressedAt() {
    return suppressedArray.upload(suppressed, suppressedSize);
  }

  private static int[] room(int[] array, int n) {
    return n <= array.length ? array : Arrays.copyOf(array, Math.max(n, 2 * array.length));
  }
}
