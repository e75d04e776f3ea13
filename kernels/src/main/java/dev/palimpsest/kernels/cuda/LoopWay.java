/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CudaLibrary;
import java.util.List;

/** Who decides whether a loop on the device goes on. */
enum LoopWay {
  /** The host, after each turn: it waits for the flag. */
  HOST,
  /** The host, one turn behind: the next turn is enqueued before the flag of the last is read. */
  LAGGED,
  /** The device: a WHILE node of a graph. */
  DEVICE;

  /** Conditional nodes came with CUDA 12.4. */
  private static final int CONDITIONAL_NODES = 12040;

  private static final List<String> FUNCTIONS =
      List.of("cuGraphConditionalHandleCreate", "cuGraphAddNode_v2", "cuStreamBeginCaptureToGraph");

  /** The kernel that sets the condition of a WHILE node; a driver without them may not load it. */
  static Kernel again(Modules modules) {
    return modules.kernel("again", "loop_again", 32, 0, "handle*", "flag*");
  }

  /** The way that keeps the host out the most, of those that the driver has. */
  static LoopWay best(CudaLibrary driver) {
    return driver.version() >= CONDITIONAL_NODES && FUNCTIONS.stream().allMatch(driver::has)
        ? DEVICE
        : LAGGED;
  }
}
