/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;

/**
 * Where the time of a forward goes.
 *
 * @param forwardMs mean wall time of a forward, milliseconds
 * @param opsMs the part of it spent in ops
 * @param ops costliest first
 * @param forward the same forward's times, and the conditions
 */
record ProfileReport(
    double forwardMs, double opsMs, List<Share> ops, @JsonUnwrapped ForwardReport forward) {

  /**
   * One op at one shape.
   *
   * @param calls in one forward
   * @param ms all of them, milliseconds per forward
   * @param share of {@link #forwardMs}, 0..1
   * @param gflops billion floating-point operations of matrix products per second; 0 without any
   * @param gigabytesPerSecond least memory traffic over time
   */
  record Share(
      String op,
      String shape,
      double calls,
      double ms,
      double share,
      double gflops,
      double gigabytesPerSecond) {}
}
