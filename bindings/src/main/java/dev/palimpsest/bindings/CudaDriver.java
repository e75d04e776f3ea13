/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

/** Turns the CUDA driver's status codes into exceptions. */
public final class CudaDriver {
  private CudaDriver() {}

  /**
   * Passes when a call succeeded.
   *
   * @param status what a {@code cu*} function returned
   * @param call the call, for the message: the function and what it was given
   * @throws CudaException when it is any status but success
   */
  public static void check(int status, String call) {
    if (status != 0) {
      throw new CudaException(status, call);
    }
  }
}
