/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds the tensor for each role in a transformer. */
final class RoleLookup {
  private final Checkpoint checkpoint;
  private final TensorNames names;
  private final TensorLookup tensors;

  RoleLookup(Checkpoint checkpoint, TensorNames names) {
    this.checkpoint = checkpoint;
    this.names = names;
    tensors = new TensorLookup(checkpoint);
  }

  boolean has(String name) {
    return checkpoint.tensors().containsKey(name) || checkpoint.unreadable().containsKey(name);
  }

  /** Whether the first block has a bias called {@code stem}. */
  boolean hasBias(String stem) {
    return has(names.bias(0, stem));
  }

  /** Whether the first block has a weight called {@code stem}. */
  boolean hasWeight(Optional<String> stem) {
    return stem.isPresent() && has(names.weight(0, stem.get()));
  }

  /** Rows of the embedding table, which must be there. */
  int embeddingRows() {
    WeightView table = checkpoint.tensor(names.embedding());
    if (table.shape().size() != 2 || table.shape().getFirst() > 1 << 24) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + names.embedding()
              + " has shape "
              + table.shape()
              + "; expected [vocabulary, hidden]");
    }
    return table.dimension(0);
  }

  /**
   * Takes all tensors of a transformer.
   *
   * @throws CheckpointException if one is missing, unreadable or of another shape, or if the
   *     checkpoint holds tensors beyond these
   */
  TransformerWeights take(ModelConfig config) {
    int hidden = config.hidden();
    int ffn = config.ffn();
    int vocabulary = config.vocabulary();
    HeadShape heads = config.heads();
    boolean queryKeyValueBias = config.queryKeyValueBias();
    boolean qkNorm = config.qkNorm();
    WeightView embedding = tensors.take(names.embedding(), vocabulary, hidden);
    List<TransformerWeights.Layer> blocks = new ArrayList<>();
    TensorNames.Projections p = names.projections();
    int queries = heads.queryWidth();
    int keys = heads.keyWidth();
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(
          new TransformerWeights.Layer(
              weight(i, names.attentionNorm(), hidden),
              weight(i, p.query(), queries, hidden),
              weight(i, p.key(), keys, hidden),
              weight(i, p.value(), keys, hidden),
              bias(queryKeyValueBias, i, p.query(), queries),
              bias(queryKeyValueBias, i, p.key(), keys),
              bias(queryKeyValueBias, i, p.value(), keys),
              norm(qkNorm, i, names.queryNorm(), heads.headDim()),
              norm(qkNorm, i, names.keyNorm(), heads.headDim()),
              weight(i, p.output(), hidden, queries),
              bias(config.outputBias(), i, p.output(), hidden),
              weight(i, names.ffnNorm(), hidden),
              weight(i, p.gate(), ffn, hidden),
              weight(i, p.up(), ffn, hidden),
              weight(i, p.down(), hidden, ffn)));
    }
    WeightView outputNorm = tensors.take(names.outputNorm(), hidden);
    WeightView head =
        config.tiedHead() ? embedding : tensors.take(names.head(), vocabulary, hidden);
    if (config.tiedHead()) {
      tensors.passOver(names.head());
    }
    tensors.refuseOthers();
    return new TransformerWeights(embedding, blocks, outputNorm, head);
  }

  private WeightView weight(int layer, String stem, long... shape) {
    return tensors.take(names.weight(layer, stem), shape);
  }

  private Optional<WeightView> bias(boolean wanted, int layer, String stem, long width) {
    return wanted ? Optional.of(tensors.take(names.bias(layer, stem), width)) : Optional.empty();
  }

  private Optional<WeightView> norm(boolean wanted, int layer, Optional<String> stem, long width) {
    return wanted ? stem.map(s -> weight(layer, s, width)) : Optional.empty();
  }
}
