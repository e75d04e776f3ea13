/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;

/** Opens the devices that are measured. */
public final class Devices {
  private Devices() {}

  /**
   * The processor.
   *
   * @param dtype of matrix products
   * @param threads worker threads; 0 takes all processors
   */
  public static Device cpu(ComputeType dtype, int threads) {
    CpuOptions options = CpuOptions.DEFAULT.withThreads(threads);
    return CpuDevice.open(
        dtype == ComputeType.INT8
            ? options.withWeights(CpuOptions.Weights.INT8)
            : options.withComputeType(CpuOptions.ComputeType.valueOf(dtype.name())));
  }
}
