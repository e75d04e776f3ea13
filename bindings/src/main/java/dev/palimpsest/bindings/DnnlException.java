/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

/** A oneDNN call that did not succeed: the status and the call. */
public final class DnnlException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final DnnlStatus status;
  private final String call;

  DnnlException(int code, String call) {
    super("oneDNN: " + call + ": " + DnnlStatus.of(code).words() + " (dnnl_status_t " + code + ")");
    this.status = DnnlStatus.of(code);
    this.call = call;
  }

  public DnnlStatus status() {
    return status;
  }

  /** The call that failed, as the caller named it. */
  public String call() {
    return call;
  }
}
