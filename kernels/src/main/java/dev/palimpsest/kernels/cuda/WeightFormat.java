/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.util.List;

/** How the weights of a linear map are kept on the device. */
enum WeightFormat {
  /** In the compute type, as {@code matmul.cu} reads them. */
  COMPUTE(0, false),
  /** s8 with an f32 scale for each packed row. */
  ROWS8(8, false),
  /** s8 with a float16 scale for 32 neighbours: {@link DType#Q8_0}. */
  GROUPS8(8, true),
  /** Four bits, offset 8, with a float16 scale for 32 neighbours: {@link DType#Q4_0}. */
  GROUPS4(4, true);

  /** Packed rows that lie together, as {@code quantized.cuh} has them. */
  static final int ROWS = 8;

  /** Elements of a row in a chunk. */
  static final int CHUNK = 64;

  /** Elements that share a scale. */
  static final int GROUP = 32;

  private final int bits;
  private final boolean grouped;

  WeightFormat(int bits, boolean grouped) {
    this.bits = bits;
    this.grouped = grouped;
  }

  /**
   * The one of eight bits or fewer for these parts: as they are stored where that is one of ours.
   */
  static WeightFormat eightBits(List<WeightView> parts) {
    if (parts.stream().allMatch(part -> part.dtype() == DType.Q8_0)) {
      return GROUPS8;
    }
    return parts.stream().allMatch(part -> part.dtype() == DType.Q4_0) ? GROUPS4 : ROWS8;
  }

  int bits() {
    return bits;
  }

  boolean grouped() {
    return grouped;
  }

  /** Where in a chunk the scales of its groups begin. */
  int scalesAt() {
    return ROWS * CHUNK * bits / 8;
  }

  int chunkBytes() {
    return scalesAt() + (grouped ? CHUNK / GROUP * ROWS * 2 : 0);
  }

  /** Bytes of eight packed rows of {@code in} elements, their scales included. */
  long rowsBytes(int in) {
    return (long) chunks(in) * chunkBytes() + (grouped ? 0 : 4 * ROWS);
  }

  static int chunks(int in) {
    return (in + CHUNK - 1) / CHUNK;
  }
}
