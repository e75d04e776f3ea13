/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/** Runs a {@code weights} command within the test: its status and what it printed. */
record CommandRun(int status, String out, String err) {
  static CommandRun of(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words = new String[arguments.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = arguments[i].toString();
    }
    int status =
        new CommandLine(new WeightsCommand())
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .setExecutionExceptionHandler(
                (e, line, parsed) -> {
                  line.getErr().println(e.getMessage());
                  return 1;
                })
            .execute(words);
    return new CommandRun(status, out.toString(), err.toString());
  }

  /** Runs a command that must succeed; returns its output. */
  static String ok(Object... arguments) {
    CommandRun run = of(arguments);
    if (run.status != 0) {
      throw new AssertionError("status " + run.status + ": " + run.err);
    }
    return run.out;
  }
}
