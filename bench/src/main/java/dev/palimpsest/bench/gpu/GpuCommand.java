/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * {@code bench gpu}: what is measured on a GPU, part by part; {@code bench/gpu/run} runs them all.
 * A program of its own, so that a machine with nothing but a driver can run it.
 */
@Command(
    name = "gpu",
    description = "Measure on an NVIDIA GPU, part by part; bench/gpu/run runs all parts.",
    subcommands = {
      DeviceCommand.class,
      LaunchCommand.class,
      KernelsCommand.class,
      StepsCommand.class,
      LoopCommand.class,
      ResultsCommand.class
    })
public final class GpuCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  /** Runs one part and exits with its status. */
  public static void main(String... arguments) {
    CommandLine line = new CommandLine(new GpuCommand());
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          command.getErr().println(command.getCommandName() + ": " + failure);
          return command.getCommandSpec().exitCodeOnExecutionException();
        });
    System.exit(line.execute(arguments));
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return spec.exitCodeOnInvalidInput();
  }
}
