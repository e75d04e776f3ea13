/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.util.Optional;
import picocli.CommandLine;

/**
 * Standard output that remembers whether all of it could be written. A {@link PrintWriter} swallows
 * that, and a command whose output was lost on a full disk would report success.
 */
final class StandardOutput extends FilterOutputStream {
  private Optional<IOException> failure = Optional.empty();

  StandardOutput(OutputStream out) {
    super(out);
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      failure = failure.or(() -> Optional.of(e));
      throw e;
    }
  }

  /** The status to leave with, when the command itself ended with {@code status}. */
  int status(int status, PrintWriter err) {
    if (failure.isEmpty() || status != CommandLine.ExitCode.OK) {
      return status;
    }
    err.println("palimpsest: standard output cannot be written: " + failure.get().getMessage());
    err.flush();
    return CommandLine.ExitCode.SOFTWARE;
  }
}
