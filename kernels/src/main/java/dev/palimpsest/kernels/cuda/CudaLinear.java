/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A linear map on the device. */
record CudaLinear(CudaDevice owner, LinearShape shape, MemorySegment memory)
    implements PackedLinear {
  static CudaLinear upload(
      CudaDevice owner,
      DeviceMemory memory,
      Upload upload,
      LinearShape shape,
      List<WeightView> parts) {
    MemorySegment block = memory.allocate(shape.bytes());
    int in = shape.in();
    DType type = shape.type();
    if (shape.format() == WeightFormat.COMPUTE) {
      upload.weights(
          new Upload.Packing(type, shape.packed(), type.bytes(shape.stride())),
          parts,
          shape.whole(),
          block.address(),
          (row, buffer, at, worker) ->
              shape.find(
                  parts,
                  row,
                  (view, viewRow) ->
                      upload.element(view, (long) viewRow * in, in, type, buffer, at, worker)));
    } else {
      QuantizedRows rows = new QuantizedRows(shape.format(), in);
      upload.weights(
          new Upload.Packing(type, shape.eights(), shape.format().rowsBytes(in)),
          parts,
          false,
          block.address(),
          (eight, buffer, at, worker) -> {
            for (int i = 0; i < WeightFormat.ROWS; i++) {
              int place = i;
              shape.find(
                  parts,
                  eight * WeightFormat.ROWS + i,
                  (view, viewRow) -> rows.write(view, viewRow, place, buffer, at, worker));
            }
          });
    }
    return new CudaLinear(owner, shape, block);
  }

  int in() {
    return shape.in();
  }

  int out() {
    return shape.out();
  }

  boolean gated() {
    return shape.gated();
  }

  int stride() {
    return shape.stride();
  }

  int packed() {
    return shape.packed();
  }

  /** What its products read. */
  DType type() {
    return shape.type();
  }

  WeightFormat format() {
    return shape.format();
  }

  @Override
  public int inFeatures() {
    return shape.in();
  }

  @Override
  public int outFeatures() {
    return shape.out();
  }

  @Override
  public long bytes() {
    return shape.bytes();
  }
}
