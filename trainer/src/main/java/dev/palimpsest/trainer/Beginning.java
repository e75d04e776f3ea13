/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** What a run begins with: random weights, or those of a model. */
public final class Beginning {
  @Option(
      names = "--init",
      paramLabel = "MODEL",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description =
          "folder of a model that train made, whose tokenizer and weights training begins with"
              + " instead of random ones, whatever --vocabulary and a VQ-VAE's options say; weights"
              + " are ignored where there is a checkpoint to go on from")
  private Optional<Path> model = Optional.empty();

  /** Folder of the model to begin with. */
  public Optional<Path> model() {
    return model;
  }
}
