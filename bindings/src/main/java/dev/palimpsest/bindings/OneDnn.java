/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

/** Turns oneDNN's status codes into exceptions. */
public final class OneDnn {
  private OneDnn() {}

  /**
   * Passes when a call succeeded.
   *
   * @param status what a {@code dnnl_*} function returned
   * @param call the call, for the message: the function and the shapes it was given
   * @throws DnnlException when it is any status but success
   */
  public static void check(int status, String call) {
    if (status != 0) {
      throw new DnnlException(status, call);
    }
  }
}
