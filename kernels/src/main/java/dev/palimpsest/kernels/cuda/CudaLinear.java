/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A linear map on the device: packed rows of {@code stride} elements of the compute type. Rows are
 * the outputs; in a gated map 8 rows of the gate and the same 8 of the up projection alternate.
 *
 * @param in elements of an input row
 * @param out elements of an output row
 * @param stride elements from packed row to packed row: {@code in}, up to a whole 16 bytes
 * @param packed rows
 */
record CudaLinear(
    CudaDevice owner,
    int in,
    int out,
    boolean gated,
    int stride,
    int packed,
    DType type,
    MemorySegment memory)
    implements PackedLinear {
  /** Rows of gate and of up that alternate, as {@code matmul.cuh} has them. */
  private static final int GROUP = 8;

  static CudaLinear upload(
      CudaDevice owner,
      DeviceMemory memory,
      Upload upload,
      DType type,
      List<WeightView> parts,
      boolean gated) {
    int in = parts.getFirst().dimension(1);
    long out = 0;
    for (WeightView part : parts) {
      out += part.dimension(0);
    }
    out = gated ? parts.getFirst().dimension(0) : out;
    int whole = 16 / type.blockBytes();
    int stride = (in + whole - 1) / whole * whole;
    int packed = Math.toIntExact(gated ? (out + GROUP - 1) / GROUP * 2 * GROUP : out);
    long rowBytes = type.bytes(stride);
    MemorySegment block = memory.allocate(packed * rowBytes);
    CudaLinear map = new CudaLinear(owner, in, (int) out, gated, stride, packed, type, block);
    upload.weights(
        new Upload.Packing(type, packed, rowBytes),
        parts,
        stride == in && (!gated || out % GROUP == 0),
        block.address(),
        (row, buffer, at, worker) -> {
          int at0 = gated ? row / (2 * GROUP) * GROUP + row % GROUP : row;
          int part = gated ? row / GROUP % 2 : 0;
          while (!gated && at0 >= parts.get(part).dimension(0)) {
            at0 -= parts.get(part++).dimension(0);
          }
          if (at0 < parts.get(part).dimension(0)) {
            upload.element(parts.get(part), (long) at0 * in, in, type, buffer, at, worker);
          }
        });
    return map;
  }

  @Override
  public int inFeatures() {
    return in;
  }

  @Override
  public int outFeatures() {
    return out;
  }

  @Override
  public long bytes() {
    return packed * type.bytes(stride);
  }
}
