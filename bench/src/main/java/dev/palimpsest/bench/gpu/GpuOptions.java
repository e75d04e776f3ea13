/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.Json;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What the parts of a run on a GPU share. */
final class GpuOptions {
  @Option(
      names = "--out",
      required = true,
      paramLabel = "FOLDER",
      description = "Where the part's JSON goes; made if it is not there.")
  private Path out;

  @Option(
      names = "--tiny",
      description = "Shapes that the emulator gets through: tries the plumbing, measures nothing.")
  private boolean tiny;

  @Option(
      names = "--device",
      defaultValue = "0",
      paramLabel = "N",
      description = "Which GPU, as the driver counts (default: ${DEFAULT-VALUE}).")
  private int ordinal;

  boolean tiny() {
    return tiny;
  }

  /** The GPU, computing in bf16. */
  CudaDevice open() {
    return open(CudaOptions.Weights.COMPUTE_TYPE);
  }

  /** The GPU, computing in bf16, with blocks written so. */
  CudaDevice open(CudaOptions.Loop loop) {
    return CudaDevice.find(CudaOptions.DEFAULT.withOrdinal(ordinal).withLoop(loop)).orThrow();
  }

  /** The GPU, computing in bf16, with weights kept so. */
  CudaDevice open(CudaOptions.Weights weights) {
    return CudaDevice.find(
            CudaOptions.DEFAULT
                .withOrdinal(ordinal)
                .withComputeType(CudaOptions.ComputeType.BF16)
                .withWeights(weights))
        .orThrow();
  }

  /** Writes a part's report. */
  void write(String part, Object report) {
    try {
      Files.createDirectories(out);
      Files.writeString(out.resolve(part + ".json"), Json.write(report), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(out + " cannot be written: give another --out", e);
    }
  }
}
