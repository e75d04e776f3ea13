/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.Loop;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

/** Opens the device that the options choose. */
final class ComputeDevice {
  /** Beside the weights: a tile of logits, and activations of a small batch. */
  private static final long LEAST_BESIDE_WEIGHTS = 128L << 20;

  private ComputeDevice() {}

  /**
   * The device; where {@link EngineOptions.DeviceChoice#AUTO} finds no GPU, or none that the model
   * fits, one log line says why it is the processor.
   *
   * @param weightBytes what the model's weights take on a GPU, by how it computes
   * @throws IllegalStateException if CUDA was asked for and cannot be used; the message says why
   */
  static Device open(EngineOptions options, ToLongFunction<CudaOptions> weightBytes) {
    return switch (options.device()) {
      case CPU -> processor(options);
      case CUDA -> required(options, weightBytes);
      case AUTO -> fastest(options, weightBytes);
    };
  }

  /** A GPU that the model fits, before anything of it is loaded. */
  private static LibrarySearch<CudaDevice> find(
      EngineOptions options, ToLongFunction<CudaOptions> weightBytes) {
    CudaOptions cuda = cuda(options);
    LibrarySearch<CudaDevice> search = CudaDevice.find(cuda);
    if (!(search instanceof Found<CudaDevice>(CudaDevice device))) {
      return search;
    }
    long weights = weightBytes.applyAsLong(cuda);
    long free = device.freeBytes();
    if (weights + LEAST_BESIDE_WEIGHTS <= free) {
      return search;
    }
    String reason =
        "the model does not fit %s: its weights take %d bytes with dtype %s, a step %d more, and %d of %d are free. Free memory there, take a smaller model%s"
            .formatted(
                device.name(),
                weights,
                options.dtype() == ComputeType.AUTO ? device.computeType() : options.dtype(),
                LEAST_BESIDE_WEIGHTS,
                free,
                device.totalBytes(),
                smaller(options.dtype()));
    device.close();
    return new Missing<>("a CUDA device", List.of(reason));
  }

  private static String smaller(ComputeType dtype) {
    return switch (dtype) {
      case F32 -> ", or dtype BF16 or INT8 instead of F32";
      case AUTO, BF16 -> ", or dtype INT8";
      case INT8 -> "";
    };
  }

  /** Tells how fast the weights came to a GPU, once they are all there. */
  static void loaded(Device device, long nanos) {
    if (device instanceof CudaDevice cuda) {
      double gigabytes = cuda.loadedBytes() / 1e9;
      System.getLogger(ComputeDevice.class.getName())
          .log(
              System.Logger.Level.INFO,
              String.format(
                  Locale.ROOT,
                  "%.2f GB of weights loaded in %.2f s, %.1f GB/s",
                  gigabytes,
                  nanos / 1e9,
                  gigabytes * 1e9 / nanos));
    }
  }

  private static Device required(EngineOptions options, ToLongFunction<CudaOptions> weightBytes) {
    return switch (find(options, weightBytes)) {
      case Found<CudaDevice>(CudaDevice device) -> device;
      case Missing<CudaDevice> missing ->
          throw new IllegalStateException(
              "device CUDA was asked for, and "
                  + missing.message()
                  + ". Take device CPU, or AUTO for what is there");
    };
  }

  private static Device fastest(EngineOptions options, ToLongFunction<CudaOptions> weightBytes) {
    return switch (find(options, weightBytes)) {
      case Found<CudaDevice>(CudaDevice device) -> device;
      case Missing<CudaDevice> missing -> {
        System.getLogger(ComputeDevice.class.getName())
            .log(System.Logger.Level.INFO, "the processor computes: {0}", missing.message());
        yield processor(options);
      }
    };
  }

  private static Device processor(EngineOptions options) {
    if (options.loop() == Loop.LAGGED || options.loop() == Loop.GRAPH) {
      throw new IllegalStateException(
          "loop %s is a GPU's, and the processor computes: take loop auto or host, or device cuda"
              .formatted(options.loop().name().toLowerCase(Locale.ROOT)));
    }
    return CpuDevice.open(cpu(options));
  }

  private static CudaOptions cuda(EngineOptions options) {
    CudaOptions looping =
        CudaOptions.DEFAULT.withLoop(
            switch (options.loop()) {
              case AUTO -> CudaOptions.Loop.AUTO;
              case HOST -> CudaOptions.Loop.NONE;
              case LAGGED -> CudaOptions.Loop.LAGGED;
              case GRAPH -> CudaOptions.Loop.GRAPH;
            });
    return switch (options.dtype()) {
      case F32 -> looping.withComputeType(CudaOptions.ComputeType.F32);
      case AUTO, BF16 -> looping.withComputeType(CudaOptions.ComputeType.BF16);
      case INT8 ->
          looping
              .withComputeType(CudaOptions.ComputeType.BF16)
              .withWeights(CudaOptions.Weights.INT8);
    };
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
