/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Errors as one line on stderr: status {@value CommandLine.ExitCode#USAGE} when the command was
 * asked wrongly, {@value CommandLine.ExitCode#SOFTWARE} when it failed.
 */
final class ErrorLine {
  private ErrorLine() {}

  /** The command line could not be understood. */
  static int usage(ParameterException problem) {
    CommandLine command = problem.getCommandLine();
    String message = problem.getMessage();
    if (problem instanceof UnmatchedArgumentException unmatched) {
      List<String> suggestions = unmatched.getSuggestions();
      if (!suggestions.isEmpty()) {
        message += "; did you mean " + String.join(" or ", suggestions) + "?";
      }
    }
    String name = command.getCommandSpec().qualifiedName();
    print(command, message + " (" + name + " --help lists the options)");
    trace(command, problem);
    return CommandLine.ExitCode.USAGE;
  }

  /** The command ran and failed. */
  static int failure(Exception problem, CommandLine command) {
    Throwable cause = problem;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage();
    print(
        command, message == null || message.isBlank() ? cause.getClass().getSimpleName() : message);
    trace(command, problem);
    return cause instanceof IllegalArgumentException
        ? CommandLine.ExitCode.USAGE
        : CommandLine.ExitCode.SOFTWARE;
  }

  private static void print(CommandLine command, String message) {
    command.getOut().flush();
    command
        .getErr()
        .println(
            command.getCommandSpec().qualifiedName()
                + ": "
                + message.strip().replaceAll("\\s*\\R\\s*", " "));
    command.getErr().flush();
  }

  private static void trace(CommandLine command, Exception problem) {
    Object root = command.getCommandSpec().root().userObject();
    if (root instanceof PalimpsestCommand palimpsest && palimpsest.verbose()) {
      problem.printStackTrace(command.getErr());
      command.getErr().flush();
    }
  }
}
