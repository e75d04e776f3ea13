/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CudaStatus;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/** The compiled kernels: one fatbin per file of {@code src/main/cuda}, loaded when first used. */
final class Modules implements AutoCloseable {
  private static final int NO_BINARY_FOR_GPU = 209;
  private static final int UNSUPPORTED_PTX_VERSION = 222;

  /** Dynamic shared memory that a kernel has without asking. */
  private static final int DEFAULT_SHARED = 48 << 10;

  private final CudaContext context;
  private final Map<String, CUmodule> modules = new HashMap<>();
  private final List<CUmodule> loaded = new ArrayList<>();
  private final Arena arena = Arena.ofShared();

  Modules(CudaContext context) {
    this.context = context;
  }

  /**
   * A kernel of the family {@code file}.
   *
   * @param arguments their names, see {@link Kernel}
   * @throws IllegalStateException if this GPU or driver cannot run what is packed
   */
  Kernel kernel(String file, String name, int threads, int sharedBytes, String... arguments) {
    return kernel(file, name, threads, sharedBytes, LaunchAttributes.NONE, arguments);
  }

  /** The same, launched with attributes. */
  Kernel kernel(
      String file,
      String name,
      int threads,
      int sharedBytes,
      LaunchAttributes attributes,
      String... arguments) {
    CUmodule module = modules.computeIfAbsent(file, this::load);
    Handles.Function function = new Handles.Function();
    CudaContext.check(
        JCudaDriver.cuModuleGetFunction(function, module, name),
        "finding the kernel " + name + " in " + file + ".fatbin");
    if (sharedBytes > DEFAULT_SHARED) {
      CudaContext.check(
          JCudaDriver.cuFuncSetAttribute(
              function,
              CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
              sharedBytes),
          "asking for " + sharedBytes + " bytes of shared memory for the kernel " + name);
    }
    return new Kernel(
        context.launches(),
        arena,
        name,
        function.segment(),
        threads,
        sharedBytes,
        attributes,
        arguments);
  }

  private CUmodule load(String file) {
    byte[] image = Fatbin.read(file);
    CUmodule module = new CUmodule();
    int status = JCudaDriver.cuModuleLoadData(module, image);
    String what = "%s cannot run the kernels of %s.fatbin: ".formatted(context.name(), file);
    switch (status) {
      case 0 -> {
        loaded.add(module);
        return module;
      }
      case NO_BINARY_FOR_GPU ->
          throw new IllegalStateException(
              what
                  + "its compute capability is %d.%d; packed are %s"
                      .formatted(context.capability() / 10, context.capability() % 10, PACKED));
      case UNSUPPORTED_PTX_VERSION ->
          throw new IllegalStateException(
              what
                  + "no binary for its compute capability %d.%d is packed, and the driver is too old to compile the PTX: install a newer driver"
                      .formatted(context.capability() / 10, context.capability() % 10));
      default ->
          throw new IllegalStateException(
              what
                  + new CudaStatus(status).name()
                  + " ("
                  + status
                  + "); a driver older than the kernels' compiler, CUDA 13.0, may be the reason");
    }
  }

  /** What the build packs, for messages. */
  static final String PACKED = "8.0, 8.9, 9.0, 10.0, 12.0 and PTX of 8.0";

  @Override
  public void close() {
    loaded.forEach(JCudaDriver::cuModuleUnload);
    loaded.clear();
    modules.clear();
    arena.close();
  }
}
