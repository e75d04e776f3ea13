/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.NvmlDevice;
import dev.palimpsest.bindings.NvmlLibrary;
import dev.palimpsest.kernels.cuda.CudaDevice;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gpu device}: what is there. */
@Command(name = "device", description = "Device, driver, clocks and power, as they are found.")
final class DeviceCommand implements Callable<Integer> {
  @Mixin private GpuOptions options;

  /**
   * Clocks in MHz, power in watts, −1 where nothing tells.
   *
   * @param cuda what the driver supports: 13000 for 13.0
   * @param nvml empty, or why the management library tells nothing
   */
  record Report(
      String device,
      String capability,
      int multiprocessors,
      long memoryBytes,
      long freeBytes,
      String driver,
      int cuda,
      String driverPath,
      int clock,
      int maxClock,
      int memoryClock,
      int maxMemoryClock,
      double watts,
      double wattsAllowed,
      int temperature,
      String products,
      String nvml) {}

  @Override
  public Integer call() {
    try (CudaDevice device = options.open()) {
      Nvml nvml = Nvml.of(device);
      CudaLibrary driver = CudaLibrary.find().orThrow();
      options.write(
          "device",
          new Report(
              device.name(),
              device.capability() / 10 + "." + device.capability() % 10,
              device.multiprocessors(),
              device.totalBytes(),
              device.freeBytes(),
              nvml.library().flatMap(NvmlLibrary::driverVersion).orElse("unknown"),
              driver.version(),
              driver.path().toString(),
              nvml.device().map(d -> d.clock().orElse(-1)).orElse(-1),
              nvml.device().map(d -> d.maxClock().orElse(-1)).orElse(-1),
              nvml.device().map(d -> d.memoryClock().orElse(-1)).orElse(-1),
              nvml.device().map(d -> d.maxMemoryClock().orElse(-1)).orElse(-1),
              nvml.device().map(d -> d.watts().orElse(-1)).orElse(-1.0),
              nvml.device().map(d -> d.wattsAllowed().orElse(-1)).orElse(-1.0),
              nvml.device().map(NvmlDevice::temperature).map(t -> t.orElse(-1)).orElse(-1),
              device.describe(),
              nvml.why()));
    }
    return 0;
  }
}
