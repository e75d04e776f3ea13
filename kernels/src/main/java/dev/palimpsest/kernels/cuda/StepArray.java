/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/**
 * Ints that a step brings along (tokens, positions, spans), in device memory, with a pinned copy of
 * what lies there: what the last call brought already is not copied again. Grows, never shrinks.
 */
final class StepArray {
  private final CudaContext context;
  private final DeviceMemory memory;
  private MemorySegment device = MemorySegment.NULL;
  private MemorySegment host = MemorySegment.NULL;
  private int capacity;
  private int size;
  private long usedAt = -1;
  private long copiedAt = -1;

  StepArray(CudaContext context, DeviceMemory memory) {
    this.context = context;
    this.memory = memory;
  }

  /** The device's address of the first {@code n} values. */
  long upload(int[] values, int n) {
    if (!same(values, n)) {
      replace(values, n);
    }
    return held();
  }

  /** The device's address of what lies there, for a launch that reads it. */
  long held() {
    usedAt = context.launches().flushes();
    return device.address();
  }

  private void replace(int[] values, int n) {
    if (n > capacity) {
      grow(n);
    } else {
      if (usedAt == context.launches().flushes()) {
        // A launch that is still kept reads what lies there now.
        context.launches().flush();
      }
      if (size > 0 && copiedAt == context.waits()) {
        // The copy before this one may still be reading the pinned memory.
        context.synchronize("waiting for the last copy of a step's input");
      }
    }
    MemorySegment.copy(values, 0, host, JAVA_INT, 0, n);
    size = n;
    context.upload(host, 0, device.address(), 4L * n);
    copiedAt = context.waits();
  }

  /** Whether the first {@code n} values lie there already. */
  boolean holds(int[] values, int n) {
    return n == size && same(values, n);
  }

  private boolean same(int[] values, int n) {
    if (n > size) {
      return false;
    }
    for (int i = 0; i < n; i++) {
      if (host.getAtIndex(JAVA_INT, i) != values[i]) {
        return false;
      }
    }
    return true;
  }

  private void grow(int n) {
    int more = Math.max(Math.max(n, 256), 2 * capacity);
    if (capacity > 0) {
      memory.free(device);
    }
    capacity = 0;
    size = 0;
    host = memory.pinned(4L * more);
    device = memory.allocate(4L * more);
    capacity = more;
  }
}
