/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import java.util.Optional;
import java.util.stream.Stream;

/** What weights take on a GPU, told before any of them is there. */
final class WeightMemory {
  private WeightMemory() {}

  /**
   * Bytes of all weights as CUDA packs them: matrices in {@code compute}, vectors in f32,
   * embeddings in bf16 where the checkpoint has bf16.
   */
  static long bytes(TransformerWeights weights, DType compute) {
    WeightView embedding = weights.embedding();
    DType table = embedding.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
    return table.bytes(embedding.elements())
        + compute.bytes(weights.head().elements())
        + DType.F32.bytes(weights.outputNorm().elements())
        + weights.layers().stream().mapToLong(layer -> bytes(layer, compute)).sum();
  }

  /** No less than all tensors of {@code checkpoint} take, whatever type they are packed in. */
  static long atMost(Checkpoint checkpoint) {
    return checkpoint.tensors().values().stream()
        .mapToLong(tensor -> DType.F32.bytes(tensor.elements()))
        .sum();
  }

  private static long bytes(TransformerWeights.Layer layer, DType compute) {
    long matrices =
        Stream.of(
                layer.query(),
                layer.key(),
                layer.value(),
                layer.output(),
                layer.gate(),
                layer.up(),
                layer.down())
            .mapToLong(WeightView::elements)
            .sum();
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
    return compute.bytes(matrices) + DType.F32.bytes(vectors);
  }
}
