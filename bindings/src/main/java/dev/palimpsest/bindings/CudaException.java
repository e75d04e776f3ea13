/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

/** A CUDA driver call that did not succeed: the status and the call. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int code;
  private final String call;

  CudaException(int code, String call) {
    super("CUDA: " + call + ": " + new CudaStatus(code).name() + " (" + code + ")");
    this.code = code;
    this.call = call;
  }

  public CudaStatus status() {
    return new CudaStatus(code);
  }

  /** The call that failed, as the caller named it. */
  public String call() {
    return call;
  }
}
