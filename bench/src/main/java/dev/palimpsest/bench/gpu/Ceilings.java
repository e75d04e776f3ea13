/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.kernels.cuda.CudaDevice;
import java.util.Locale;

/**
 * What a GPU can do at most.
 *
 * @param tflops dense bf16 products with f32 sums, 10¹² operations a second, by the datasheet; 0
 *     when this list does not know the chip
 * @param gigabytes bytes read and written by a copy on the device, 10⁹ a second, measured
 */
record Ceilings(double tflops, double gigabytes) {
  /**
   * @param gigabytes measured
   */
  static Ceilings of(CudaDevice device, double gigabytes) {
    return new Ceilings(tflops(device.name().toUpperCase(Locale.ROOT)), gigabytes);
  }

  private static double tflops(String name) {
    if (name.contains("H100") && name.contains("PCIE")) {
      return 756;
    }
    if (name.contains("H100") && name.contains("NVL")) {
      return 835;
    }
    if (name.contains("H100") || name.contains("H200") || name.contains("GH200")) {
      return 989;
    }
    if (name.contains("B200") || name.contains("B100")) {
      return 2250;
    }
    if (name.contains("A100")) {
      return 312;
    }
    return name.contains("L40S") ? 362 : 0;
  }

  /** Least milliseconds for so many operations and bytes; 0 where no ceiling is known. */
  double milliseconds(double operations, double bytes) {
    double arithmetic = tflops == 0 ? 0 : operations / (tflops * 1e9);
    double memory = gigabytes == 0 ? 0 : bytes / (gigabytes * 1e6);
    return Math.max(arithmetic, memory);
  }
}
