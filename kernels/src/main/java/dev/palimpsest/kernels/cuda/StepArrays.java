/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

/**
 * A few {@link StepArray}s for ops that see the same few arrays again and again in one step (which
 * row goes by which time, at full resolution and at half): each keeps one of them, so that none is
 * copied twice. The one whose turn it is gives way to what no other holds.
 */
final class StepArrays {
  private static final int KEPT = 8;

  private final StepArray[] arrays = new StepArray[KEPT];
  private int next;
  private int[] ints = new int[64];

  StepArrays(CudaContext context, DeviceMemory memory) {
    for (int i = 0; i < KEPT; i++) {
      arrays[i] = new StepArray(context, memory);
    }
  }

  /** Room for what an op brings along, until the next one asks. */
  int[] room(int n) {
    if (ints.length < n) {
      ints = new int[Math.max(n, 2 * ints.length)];
    }
    return ints;
  }

  /** The device's address of the first {@code n} values. */
  long upload(int[] values, int n) {
    for (StepArray array : arrays) {
      if (array.holds(values, n)) {
        return array.held();
      }
    }
    next = (next + 1) % KEPT;
    return arrays[next].upload(values, n);
  }
}
