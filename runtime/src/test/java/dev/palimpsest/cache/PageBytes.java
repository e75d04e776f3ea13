/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;

/** What a page of a K/V store takes here: that depends on what the processor multiplies. */
public final class PageBytes {
  private PageBytes() {}

  public static long of(Device device, int layers, HeadShape shape) {
    try (KvStore store = device.keyValues(layers, shape, 0)) {
      return store.pageBytes();
    }
  }

  /** On the device that an engine opens by default. */
  public static long byDefault(int layers, HeadShape shape) {
    try (CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1))) {
      return of(device, layers, shape);
    }
  }
}
