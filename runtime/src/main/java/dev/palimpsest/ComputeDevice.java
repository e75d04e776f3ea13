/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;

/** Opens the device that the options choose. */
final class ComputeDevice {
  private ComputeDevice() {}

  /**
   * The device; where {@link EngineOptions.DeviceChoice#AUTO} finds no GPU, one log line says why
   * it is the processor.
   *
   * @param latents whether the ops of latent diffusion are needed
   * @throws IllegalStateException if CUDA was asked for and cannot be used; the message says why
   */
  static Device open(EngineOptions options, boolean latents) {
    return switch (options.device()) {
      case CPU -> CpuDevice.open(cpu(options));
      case CUDA -> required(options);
      case AUTO -> fastest(options, latents);
    };
  }

  private static Device required(EngineOptions options) {
    if (options.dtype() == ComputeType.INT8) {
      throw new IllegalStateException(
          "device CUDA does not compute with dtype INT8: take BF16 or F32, or device CPU");
    }
    return switch (CudaDevice.find(cuda(options))) {
      case Found<CudaDevice>(CudaDevice device) -> device;
      case Missing<CudaDevice> missing ->
          throw new IllegalStateException(
              "device CUDA was asked for, and "
                  + missing.message()
                  + ". Take device CPU, or AUTO for what is there");
    };
  }

  private static Device fastest(EngineOptions options, boolean latents) {
    if (options.dtype() == ComputeType.INT8) {
      return CpuDevice.open(cpu(options));
    }
    LibrarySearch<CudaDevice> search = CudaDevice.find(cuda(options));
    return switch (search) {
      case Found<CudaDevice>(CudaDevice device) when latents && !device.denoisesLatents() -> {
        device.close();
        System.getLogger(ComputeDevice.class.getName())
            .log(
                System.Logger.Level.INFO,
                "the processor computes: latent diffusion has no kernels for the GPU yet");
        yield CpuDevice.open(cpu(options));
      }
      case Found<CudaDevice>(CudaDevice device) -> device;
      case Missing<CudaDevice> missing -> {
        System.getLogger(ComputeDevice.class.getName())
            .log(System.Logger.Level.INFO, "the processor computes: {0}", missing.message());
        yield CpuDevice.open(cpu(options));
      }
    };
  }

  private static CudaOptions cuda(EngineOptions options) {
    return CudaOptions.DEFAULT.withComputeType(
        options.dtype() == ComputeType.F32
            ? CudaOptions.ComputeType.F32
            : CudaOptions.ComputeType.BF16);
  }

  private static CpuOptions cpu(EngineOptions options) {
    CpuOptions.ComputeType compute =
        switch (options.dtype()) {
          case AUTO, INT8 -> CpuOptions.ComputeType.AUTO;
          case F32 -> CpuOptions.ComputeType.F32;
          case BF16 -> CpuOptions.ComputeType.BF16;
        };
    return CpuOptions.DEFAULT
        .withThreads(options.threads())
        .withComputeType(compute)
        .withWeights(
            options.dtype() == ComputeType.INT8
                ? CpuOptions.Weights.INT8
                : CpuOptions.Weights.COMPUTE_TYPE)
        .withVector(options.vectorApi() ? CpuOptions.Vector.AUTO : CpuOptions.Vector.OFF);
  }

  /** Most memory for K/V caches, once the weights are on the device. */
  static long kvCacheBudget(Device device, EngineOptions options) {
    return device instanceof CudaDevice cuda && options.kvCacheBytes() == 0
        ? cuda.freeBytes() / 4
        : options.kvCacheBudget();
  }
}
