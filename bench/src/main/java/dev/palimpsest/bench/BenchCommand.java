/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.gpu.GpuCommand;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code bench}: measures; a group of commands, also a program of its own. */
@Command(
    name = "bench",
    description = "Measure forwards, generations and single ops.",
    subcommands = {
      ForwardCommand.class,
      ProfileCommand.class,
      DecodeCommand.class,
      RaceCommand.class,
      QualityCommand.class,
      PeerForwardCommand.class,
      PeerDecodeCommand.class,
      SweepCommand.class,
      SoakCommand.class,
      JmhCommand.class,
      GpuCommand.class
    })
public final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  /** Runs one command and exits with its status. */
  public static void main(String... arguments) {
    System.exit(commandLine().execute(arguments));
  }

  /**
   * The group as a program: {@code --help} everywhere (a command that holds the group brings its
   * own), and a failed command prints one line on stderr and answers 1.
   */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new BenchCommand());
    line.getCommandSpec()
        .addOption(
            OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .scopeType(ScopeType.INHERIT)
                .description("Show this help and exit.")
                .build());
    return line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          command
              .getErr()
              .println(
                  command.getColorScheme().errorText(command.getCommandName() + ": ")
                      + String.valueOf(failure.getMessage()));
          return command.getCommandSpec().exitCodeOnExecutionException();
        });
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return spec.exitCodeOnInvalidInput();
  }
}
