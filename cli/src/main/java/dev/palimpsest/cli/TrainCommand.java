/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Lists {@code train} beside the other commands. The launcher runs it from the trainer module,
 * which brings libtorch; this class path has none.
 */
@Command(name = "train", description = "Trains a model (its first use downloads libtorch).")
final class TrainCommand implements Callable<Integer> {
  @Parameters(arity = "0..*", hidden = true)
  private String[] arguments;

  @Override
  public Integer call() {
    throw new FailureException(
        "training runs from the trainer module: start it as ./palimpsest train");
  }
}
