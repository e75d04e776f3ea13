/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.RowScales;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Finds the tensor for each role, checks its shape, and keeps account of those left over. */
final class RoleLookup {
  private final Checkpoint checkpoint;
  private final TensorNames names;
  private final Set<String> used = new HashSet<>();

  RoleLookup(Checkpoint checkpoint, TensorNames names) {
    this.checkpoint = checkpoint;
    this.names = names;
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
  TransformerWeights take(
      int layers,
      int hidden,
      int ffn,
      int vocabulary,
      HeadShape heads,
      boolean queryKeyValueBias,
      boolean outputBias,
      boolean qkNorm,
      boolean tied) {
    WeightView embedding = tensor(names.embedding(), vocabulary, hidden);
    List<TransformerWeights.Layer> blocks = new ArrayList<>();
    TensorNames.Projections p = names.projections();
    int queries = heads.queryWidth();
    int keys = heads.keyWidth();
    for (int i = 0; i < layers; i++) {
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
              bias(outputBias, i, p.output(), hidden),
              weight(i, names.ffnNorm(), hidden),
              weight(i, p.gate(), ffn, hidden),
              weight(i, p.up(), ffn, hidden),
              weight(i, p.down(), hidden, ffn)));
    }
    WeightView outputNorm = tensor(names.outputNorm(), hidden);
    WeightView head = tied ? embedding : tensor(names.head(), vocabulary, hidden);
    if (tied) {
      used.add(names.head());
    }
    refuseLeftovers();
    return new TransformerWeights(embedding, blocks, outputNorm, head);
  }

  private WeightView weight(int layer, String stem, long... shape) {
    return tensor(names.weight(layer, stem), shape);
  }

  private Optional<WeightView> bias(boolean wanted, int layer, String stem, long width) {
    return wanted ? Optional.of(tensor(names.bias(layer, stem), width)) : Optional.empty();
  }

  private Optional<WeightView> norm(boolean wanted, int layer, Optional<String> stem, long width) {
    return wanted ? stem.map(s -> weight(layer, s, width)) : Optional.empty();
  }

  private WeightView tensor(String name, long... shape) {
    WeightView view = checkpoint.tensor(name);
    List<Long> expected = Arrays.stream(shape).boxed().toList();
    if (!view.shape().equals(expected)) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + name
              + " has shape "
              + view.shape()
              + "; expected "
              + expected
              + " by the model's configuration");
    }
    if (view.dtype() == DType.I32) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + name
              + " has element type I32; expected numbers with"
              + " fractions (F32, F16, BF16, Q8_0 or Q4_0)");
    }
    if (!view.isNumbers()) {
      String scales = name + RowScales.SUFFIX;
      WeightView found = checkpoint.tensors().get(scales);
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + name
              + " has element type I8 and "
              + scales
              + (found == null ? " is missing" : " is " + found.dtype() + found.shape())
              + "; expected a matrix of I8 with F32, F16 or BF16 scales of shape ["
              + view.shape().getFirst()
              + ", 1]");
    }
    RowScales.check(checkpoint, view);
    used.add(name);
    return view;
  }

  /** A tensor without a role would be a part of the computation that is left out. */
  private void refuseLeftovers() {
    Set<String> left = new TreeSet<>();
    for (Map<String, ?> some : List.of(checkpoint.tensors(), checkpoint.unreadable())) {
      for (String name : some.keySet()) {
        if (!used.contains(name) && !name.endsWith(".rotary_emb.inv_freq")) {
          left.add(name);
        }
      }
    }
    if (!left.isEmpty()) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + ConfigFields.shorten(left.iterator().next())
              + (left.size() > 1 ? " and " + (left.size() - 1) + " others have" : " has")
              + " no role in a model of this configuration; the checkpoint computes something that"
              + " is not supported, or its configuration belongs to another one");
    }
  }
}
