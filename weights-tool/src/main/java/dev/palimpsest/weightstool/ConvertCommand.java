/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code weights convert}: between formats and element types. */
@Command(
    name = "convert",
    sortOptions = false,
    description = "Writes a checkpoint in another format or element type.")
final class ConvertCommand implements Callable<Integer> {
  /** What {@code --dtype} takes. */
  enum Type {
    keep,
    f32,
    bf16,
    f16,
    q8_0;

    Optional<DType> dtype() {
      return this == keep
          ? Optional.empty()
          : Optional.of(DType.valueOf(name().toUpperCase(Locale.ROOT)));
    }
  }

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      description = "Folder with config.json and *.safetensors, or a .gguf file.")
  private Path model;

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      required = true,
      description = "${COMPLETION-CANDIDATES} (no default).")
  private Format to;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "keep",
      description =
          "Element type of the matrices: ${COMPLETION-CANDIDATES}; q8_0 only in GGUF (default:"
              + " ${DEFAULT-VALUE}).")
  private Type type;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "PATH",
      required = true,
      description = "Folder to write; for GGUF also the file itself, ending in .gguf (no default).")
  private Path out;

  @Option(names = "--force", description = "Overwrite what is there (default: refuse).")
  private boolean force;

  @Override
  public Integer call() {
    long began = System.nanoTime();
    try (Checkpoint source = Checkpoints.open(model)) {
      Conversion conversion = new Conversion(source, type.dtype());
      Path written = to.file(out);
      long bytes =
          to == Format.gguf
              ? conversion.toGguf(written, force, spec.commandLine().getErr())
              : conversion.toSafetensors(out, force, spec.commandLine().getErr());
      spec.commandLine()
          .getOut()
          .printf(
              Locale.ROOT,
              "%s: %s of tensors in %.1f s%n",
              written,
              Sizes.bytes(bytes),
              (System.nanoTime() - began) / 1e9);
      spec.commandLine().getOut().flush();
    }
    return 0;
  }
}
