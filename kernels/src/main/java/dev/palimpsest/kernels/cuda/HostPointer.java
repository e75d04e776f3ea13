/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;

/** JCuda's host pointer for native memory; does not keep the segment alive. */
final class HostPointer extends Pointer {
  /** To be filled by an allocation. */
  HostPointer() {}

  HostPointer(MemorySegment segment, long offset) {
    super(segment.address() + offset);
  }

  long address() {
    return getNativePointer() + getByteOffset();
  }
}
