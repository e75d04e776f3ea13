/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import picocli.CommandLine.Option;

/** How the runtime computes where it is asked what a model has learned. */
final class RuntimeOptions {
  @Option(
      names = "--dtype",
      defaultValue = "AUTO",
      description = "of matrix products: ${COMPLETION-CANDIDATES}")
  private ComputeType dtype;

  @Option(
      names = "--threads",
      defaultValue = "0",
      description = "of the runtime; 0: one for each processor")
  private int threads;

  /**
   * Options of an engine.
   *
   * @param together requests that run at a time
   */
  EngineOptions engine(int together) {
    return EngineOptions.DEFAULT.withDtype(dtype).withThreads(threads).withMaxQueued(together);
  }

  /** As on the command line. */
  @Override
  public String toString() {
    return "--dtype " + dtype + " --threads " + threads;
  }
}
