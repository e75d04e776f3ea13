/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;

/**
 * Where the time of a forward goes.
 *
 * @param forwardMs mean wall time of a forward, milliseconds; of a model of several parts, of its
 *     first call
 * @param opsMs the part of it spent in ops
 * @param ops those of each call together, costliest first
 * @param forward the same forward's times, and the conditions
 */
record ProfileReport(
    double forwardMs, double opsMs, List<Share> ops, @JsonUnwrapped ForwardReport forward) {

  /**
   * One op at one shape.
   *
   * @param call it belongs to, {@code forward} where a network has but one
   * @param calls in one call of the network
   * @param ms all of them, milliseconds per call of the network
   * @param share of that call's mean time, 0..1
   * @param gflops billion floating-point operations of matrix products per second; 0 without any
   * @param gigabytesPerSecond least memory traffic over time
   */
  record Share(
      String call,
      String op,
      String shape,
      double calls,
      double ms,
      double share,
      double gflops,
      double gigabytesPerSecond) {}
}
