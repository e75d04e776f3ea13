/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUcontext;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

/** JCuda's handles, with the addresses that the generated bindings take. */
final class Handles {
  private Handles() {}

  /** A context. */
  static final class Context extends CUcontext {
    MemorySegment segment() {
      return MemorySegment.ofAddress(getNativePointer());
    }
  }

  /** A kernel. */
  static final class Function extends CUfunction {
    MemorySegment segment() {
      return MemorySegment.ofAddress(getNativePointer());
    }
  }

  /** A stream. */
  static final class Stream extends CUstream {
    MemorySegment segment() {
      return MemorySegment.ofAddress(getNativePointer());
    }
  }
}
