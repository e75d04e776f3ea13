/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.WeightArguments;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** What comes from a checkpoint to the device: linear maps, tables, vectors. */
final class CudaWeights {
  private final CudaDevice device;
  private final CudaContext context;
  private final DeviceMemory memory;
  private final Upload upload;
  private final DType computeType;
  private final CudaOptions.Weights kept;

  CudaWeights(
      CudaDevice device,
      CudaContext context,
      DeviceMemory memory,
      Upload upload,
      CudaOptions options) {
    this.device = device;
    this.context = context;
    this.memory = memory;
    this.upload = upload;
    computeType = dtype(options);
    kept = options.weights();
  }

  /** What products read on a device of these options. */
  static DType dtype(CudaOptions options) {
    return switch (options.computeType()) {
      case F32 -> DType.F32;
      case BF16 -> DType.BF16;
    };
  }

  PackedLinear pack(WeightView... parts) {
    WeightArguments.projections(parts);
    return pack(List.of(parts), false);
  }

  PackedLinear packGated(WeightView gate, WeightView up) {
    WeightArguments.gated(gate, up);
    return pack(List.of(gate, up), true);
  }

  private PackedLinear pack(List<WeightView> parts, boolean gated) {
    LinearShape shape = LinearShape.of(computeType, kept, parts, gated);
    return CudaLinear.upload(device, memory, upload, shape, parts);
  }

  /** As {@link CudaDevice#packedBytes}. */
  static long packedBytes(CudaOptions options, WeightView... parts) {
    WeightArguments.projections(parts);
    return LinearShape.of(dtype(options), options.weights(), List.of(parts), false).bytes();
  }

  /** As {@link CudaDevice#packedGatedBytes}. */
  static long packedGatedBytes(CudaOptions options, WeightView gate, WeightView up) {
    WeightArguments.gated(gate, up);
    return LinearShape.of(dtype(options), options.weights(), List.of(gate, up), true).bytes();
  }

  void free(PackedLinear map) {
    if (!(map instanceof CudaLinear mine) || mine.owner() != device) {
      throw new IllegalArgumentException("free: the map was packed by another device");
    }
    memory.free(mine.memory());
  }

  EmbeddingTable table(WeightView weights) {
    WeightArguments.matrix("table", weights);
    DType type = weights.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
    int rows = weights.dimension(0);
    int width = weights.dimension(1);
    MemorySegment block = memory.allocate(type.bytes((long) rows * width));
    upload.weights(
        new Upload.Packing(type, rows, type.bytes(width)),
        List.of(weights),
        true,
        block.address(),
        (row, out, at, worker) ->
            upload.element(weights, (long) row * width, width, type, out, at, worker));
    return new CudaTable(device, rows, width, type, block);
  }

  Tensor vector(WeightView... parts) {
    int width = WeightArguments.vectorWidth(parts);
    Tensor tensor = device.allocate(DType.F32, 1, width);
    upload.rows(
        1,
        4L * width,
        tensor.memory().address(),
        (row, out, at, worker) -> {
          long to = at;
          for (WeightView part : parts) {
            upload.element(part, 0, (int) part.elements(), DType.F32, out, to, worker);
            to += 4 * part.elements();
          }
        });
    return tensor;
  }

  /** As {@link CudaDevice#makeWeightsOf}. */
  void makeOf(WeightView pattern) {
    int n = WeightArguments.vectorWidth(pattern);
    long bytes = computeType.bytes(n);
    MemorySegment block = memory.allocate(bytes);
    upload.rows(
        1,
        bytes,
        block.address(),
        (row, out, at, worker) -> upload.element(pattern, 0, n, computeType, out, at, worker));
    upload.pattern(new WeightPattern(context, block, computeType, bytes));
  }

  /** As {@link CudaDevice#fillWithWeights}. */
  void fill(Tensor tensor) {
    device.tensor(
        "fillWithWeights", "tensor", tensor, tensor.dtype(), tensor.rows(), tensor.width());
    context.launches().flush();
    upload
        .pattern()
        .orElseThrow(() -> new IllegalStateException("fillWithWeights: call makeWeightsOf before"))
        .fill(
            tensor.memory().address(), tensor.dtype().bytes((long) tensor.rows() * tensor.width()));
  }
}
