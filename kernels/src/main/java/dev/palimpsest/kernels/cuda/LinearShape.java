/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.util.List;

/**
 * How the rows of a linear map lie on the device: packed rows of {@code stride} elements of the
 * compute type, or of fewer bits. Rows are the outputs; in a gated map 8 rows of the gate and the
 * same 8 of the up projection alternate.
 *
 * @param in elements of an input row
 * @param out elements of an output row
 * @param stride elements from packed row to packed row: {@code in}, up to a whole 16 bytes
 * @param packed rows
 * @param type the compute type
 * @param format how the weights are kept
 */
record LinearShape(
    int in, int out, boolean gated, int stride, int packed, DType type, WeightFormat format) {
  /** Rows of gate and of up that alternate, as {@code matmul.cuh} has them. */
  private static final int GROUP = 8;

  static LinearShape of(
      DType type, CudaOptions.Weights weights, List<WeightView> parts, boolean gated) {
    int in = parts.getFirst().dimension(1);
    long out = 0;
    for (WeightView part : parts) {
      out += part.dimension(0);
    }
    out = gated ? parts.getFirst().dimension(0) : out;
    int whole = 16 / type.blockBytes();
    int stride = (in + whole - 1) / whole * whole;
    int packed = Math.toIntExact(gated ? (out + GROUP - 1) / GROUP * 2 * GROUP : out);
    WeightFormat format =
        switch (weights) {
          case COMPUTE_TYPE -> WeightFormat.COMPUTE;
          case INT8 -> WeightFormat.eightBits(parts);
        };
    return new LinearShape(in, (int) out, gated, stride, packed, type, format);
  }

  /** Takes a row of a matrix. */
  interface RowOf {
    void take(WeightView view, int row);
  }

  /** Where packed row {@code row} comes from; nowhere if it fills the map up. */
  void find(List<WeightView> parts, int row, RowOf of) {
    int at = gated ? row / (2 * GROUP) * GROUP + row % GROUP : row;
    int part = gated ? row / GROUP % 2 : 0;
    while (!gated && part < parts.size() && at >= parts.get(part).dimension(0)) {
      at -= parts.get(part++).dimension(0);
    }
    if (part < parts.size() && at < parts.get(part).dimension(0)) {
      of.take(parts.get(part), at);
    }
  }

  /** Whether every byte of the packed rows has an element. */
  boolean whole() {
    return stride == in && (!gated || out % GROUP == 0);
  }

  /** Eights of packed rows, which lie together in formats of fewer bits. */
  int eights() {
    return (packed + WeightFormat.ROWS - 1) / WeightFormat.ROWS;
  }

  /** Whether the products of bf16 on tensor cores take it. */
  boolean bf16OnTensorCores() {
    return format == WeightFormat.COMPUTE && type == DType.BF16 && in % 8 == 0;
  }

  long bytes() {
    return format == WeightFormat.COMPUTE
        ? packed * type.bytes(stride)
        : eights() * format.rowsBytes(in);
  }
}
