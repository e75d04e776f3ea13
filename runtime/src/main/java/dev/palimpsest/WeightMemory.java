/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import java.util.Optional;
import java.util.stream.Stream;

/** What weights take on a GPU, told before any of them is there. */
final class WeightMemory {
  private WeightMemory() {}

  /**
   * Bytes of all weights as CUDA packs them: matrices as the options say, vectors in f32,
   * embeddings in bf16 where the checkpoint has bf16.
   */
  static long bytes(TransformerWeights weights, CudaOptions options) {
    WeightView embedding = weights.embedding();
    DType table = embedding.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
    return table.bytes(embedding.elements())
        + CudaDevice.packedBytes(options, weights.head())
        + DType.F32.bytes(weights.outputNorm().elements())
        + weights.layers().stream().mapToLong(layer -> bytes(layer, options)).sum();
  }

  /** No less than all tensors of {@code checkpoint} take, whatever type they are packed in. */
  static long atMost(Checkpoint checkpoint) {
    return checkpoint.tensors().values().stream()
        .mapToLong(tensor -> DType.F32.bytes(tensor.elements()))
        .sum();
  }

  private static long bytes(TransformerWeights.Layer layer, CudaOptions options) {
    long matrices =
        CudaDevice.packedBytes(options, layer.query(), layer.key(), layer.value())
            + CudaDevice.packedBytes(options, layer.output())
            + CudaDevice.packedGatedBytes(options, layer.gate(), layer.up())
            + CudaDevice.packedBytes(options, layer.down());
    long vectors =
        layer.attentionNorm().elements()
            + layer.ffnNorm().elements()
            + Stream.of(
                    layer.queryBias(),
                    layer.keyBias(),
                    layer.valueBias(),
                    layer.queryNorm(),
                    layer.keyNorm(),
                    layer.outputBias())
                .flatMap(Optional::stream)
                .mapToLong(WeightView::elements)
                .sum();
    return matrices + DType.F32.bytes(vectors);
  }
}
