/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * The weights of a linear map in the layout one device multiplies fastest. Made by {@link
 * Device#pack}; freed with the device.
 */
public interface PackedLinear {
  /** Elements of an input row. */
  int inFeatures();

  /** Elements of an output row; the sum over all parts packed together. */
  int outFeatures();

  /** Bytes held on the device. */
  long bytes();
}
