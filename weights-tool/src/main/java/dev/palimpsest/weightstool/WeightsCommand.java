/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code palimpsest weights}: what can be done to checkpoints without generating text. */
@Command(
    name = "weights",
    description = "Inspects, converts, quantizes, makes, compares and runs checkpoints.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      InspectCommand.class,
      ConvertCommand.class,
      QuantizeCommand.class,
      SynthesizeCommand.class,
      LogitsCommand.class,
      CompareCommand.class
    },
    footer = {
      "",
      "Examples:",
      "  palimpsest weights inspect models/java-tiny",
      "  palimpsest weights convert LLaDA-8B-Instruct --to gguf --dtype q8_0 --out llada.gguf",
      "  palimpsest weights quantize LLaDA-8B-Instruct --to int8 --out llada-int8"
    })
public final class WeightsCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "a command is missing: " + String.join(", ", spec.subcommands().keySet()));
  }
}
