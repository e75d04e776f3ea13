/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bindings.NvmlDevice;
import java.util.Optional;
import java.util.OptionalDouble;

/** Mean watts over a piece of work, from the energy that the device has counted. */
final class PowerMeter {
  private final Optional<NvmlDevice> device;
  private OptionalDouble joules = OptionalDouble.empty();
  private long since;

  PowerMeter(Optional<NvmlDevice> device) {
    this.device = device;
  }

  void start() {
    joules = device.map(NvmlDevice::joules).orElse(OptionalDouble.empty());
    since = System.nanoTime();
  }

  /**
   * Watts since {@link #start}; those of this moment where the device counts no energy, and 0 where
   * it tells nothing.
   */
  double watts() {
    OptionalDouble now = device.map(NvmlDevice::joules).orElse(OptionalDouble.empty());
    double seconds = (System.nanoTime() - since) / 1e9;
    return joules.isPresent() && now.isPresent()
        ? (now.getAsDouble() - joules.getAsDouble()) / seconds
        : device.map(NvmlDevice::watts).orElse(OptionalDouble.empty()).orElse(0);
  }
}
