/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CudaException;
import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.util.List;
import jcuda.driver.JCudaDriver;

/** Whether there is a device that can run this, and why not. */
final class CudaSearch {
  /** The oldest driver that is tried: CUDA 12.0. */
  private static final int OLDEST_DRIVER = 12000;

  /** bf16 on tensor cores and asynchronous copies begin here. */
  private static final int OLDEST_CAPABILITY = 80;

  private static final String TITLE = "a CUDA device";

  private CudaSearch() {}

  /** As {@link CudaDevice#find}. */
  static LibrarySearch<CudaDevice> find(CudaOptions options) {
    return switch (CudaLibrary.find()) {
      case Missing<CudaLibrary> missing -> new Missing<>(TITLE, List.of(missing.message()));
      case Found<CudaLibrary>(CudaLibrary driver) -> find(driver, options);
    };
  }

  private static LibrarySearch<CudaDevice> find(CudaLibrary driver, CudaOptions options) {
    if (driver.version() < OLDEST_DRIVER) {
      return missing(
          "the driver %s supports CUDA %s; 12.0 or later is needed: install a newer driver"
              .formatted(driver.path(), version(driver.version())));
    }
    try {
      JCudaLibrary.load();
    } catch (IOException | InvalidPathException | LinkageError e) {
      return missing("JCuda cannot be loaded: " + e.getMessage());
    }
    int[] count = new int[1];
    int status = JCudaDriver.cuDeviceGetCount(count);
    if (status != 0 || count[0] <= options.ordinal()) {
      return missing(
          "the driver "
              + driver.path()
              + " knows "
              + count[0]
              + " devices; asked for number "
              + options.ordinal());
    }
    return open(options);
  }

  private static LibrarySearch<CudaDevice> open(CudaOptions options) {
    try {
      CudaContext context = new CudaContext(options.ordinal(), options.checked());
      try {
        if (context.capability() < OLDEST_CAPABILITY) {
          context.close();
          return missing(
              "%s has compute capability %s; 8.0 or later is needed"
                  .formatted(context.name(), CudaDevice.capability(context)));
        }
        if (options.loop() == CudaOptions.Loop.GRAPH
            && LoopWay.best(CudaLibrary.find().orThrow()) != LoopWay.DEVICE) {
          context.close();
          return missing(
              "loop graph was asked for, and the driver, of CUDA %s, has no conditional nodes, which came with 12.4: take loop lagged, or auto for what is there"
                  .formatted(version(CudaLibrary.find().orThrow().version())));
        }
        CudaDevice device = new CudaDevice(context, options);
        System.getLogger(CudaDevice.class.getName())
            .log(System.Logger.Level.INFO, "{0} ({1})", device.describe(), device.whyProducts());
        return new Found<>(device);
      } catch (RuntimeException | Error e) {
        context.close();
        throw e;
      }
    } catch (CudaException | IllegalStateException e) {
      return missing(e.getMessage());
    }
  }

  private static LibrarySearch<CudaDevice> missing(String reason) {
    return new Missing<>(TITLE, List.of(reason));
  }

  private static String version(int driver) {
    return driver / 1000 + "." + driver % 1000 / 10;
  }
}
