/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code weights inspect}: what a checkpoint is, from its headers. */
@Command(
    name = "inspect",
    sortOptions = false,
    description = "Says what a checkpoint is and whether it can run; reads headers only.")
final class InspectCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      description = "Folder with config.json and *.safetensors, or a .gguf file.")
  private Path model;

  @Option(names = "--tensors", description = "List the tensors, too (default: do not).")
  private boolean tensors;

  @Option(names = "--json", description = "One JSON document (default: text).")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      Inspection inspection = new Inspection(checkpoint);
      if (json) {
        out.println(inspection.json(tensors));
        out.flush();
      } else {
        inspection.print(out, tensors);
      }
    }
    return 0;
  }
}
