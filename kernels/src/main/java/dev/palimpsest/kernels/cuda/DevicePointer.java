/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import jcuda.driver.CUdeviceptr;

/** JCuda's device pointer, with the address that launches and bindings want. */
final class DevicePointer extends CUdeviceptr {
  /** To be filled by an allocation. */
  DevicePointer() {}

  DevicePointer(long address) {
    super(new CUdeviceptr(), address);
  }

  long address() {
    return getNativePointer() + getByteOffset();
  }
}
