/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

/**
 * A checkpoint's files are missing, damaged or of a kind that is not supported; the message names
 * file and field.
 */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CheckpointException(String message) {
    super(message);
  }

  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
