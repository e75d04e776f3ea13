/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which model to measure, and how it computes: options the commands share. */
final class ModelOptions extends ComputeOptions {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "PATH",
      description = "Checkpoint: a folder with config.json and safetensors, or a GGUF file.")
  private Path model;

  Path model() {
    return model;
  }
}
