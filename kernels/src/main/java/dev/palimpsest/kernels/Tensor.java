/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.lang.foreign.MemorySegment;

/**
 * A row-major matrix of activations in a device's memory.
 *
 * @param dtype {@link DType#F32} or {@link DType#BF16}
 * @param rows capacity in rows; ops take the number of rows in use
 * @param width elements in a row; rows follow each other without a gap
 * @param memory on the CPU the bytes themselves (64-byte aligned); on a GPU a segment whose address
 *     is the device's
 */
public record Tensor(DType dtype, int rows, int width, MemorySegment memory) {}
