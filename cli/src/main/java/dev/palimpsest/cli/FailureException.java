/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

/** A command that cannot go on; the message is all the user sees. */
final class FailureException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  FailureException(String message) {
    super(message);
  }

  FailureException(String message, Throwable cause) {
    super(message, cause);
  }
}
