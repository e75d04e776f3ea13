/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.bindings.NvmlDevice;
import dev.palimpsest.bindings.NvmlLibrary;
import dev.palimpsest.kernels.cuda.CudaDevice;
import java.util.Optional;

/**
 * The management library's view of a device.
 *
 * @param why it is missing; empty when it is there
 */
record Nvml(Optional<NvmlLibrary> library, Optional<NvmlDevice> device, String why) {
  static Nvml of(CudaDevice device) {
    return switch (NvmlLibrary.find()) {
      case Missing<NvmlLibrary> missing ->
          new Nvml(Optional.empty(), Optional.empty(), missing.message());
      case Found<NvmlLibrary>(NvmlLibrary library) ->
          switch (device
              .pciBusId()
              .map(library::deviceAt)
              .orElseGet(() -> library.device(device.ordinal()))) {
            case Found<NvmlDevice>(NvmlDevice found) ->
                new Nvml(Optional.of(library), Optional.of(found), "");
            case Missing<NvmlDevice> missing ->
                new Nvml(Optional.of(library), Optional.empty(), missing.message());
          };
    };
  }
}
