/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A pre-norm transformer with rotary attention and a gated SiLU network (the Llama layout that
 * LLaDA, Dream and SDAR share), run as ops of a {@link Device}. Holds the packed weights and one
 * set of activations that grows to the largest batch seen.
 *
 * <p>Used by one thread at a time. The device belongs to the caller; weights are freed with it.
 */
public final class Transformer {
  private final Device device;
  private final ModelConfig config;
  private final EmbeddingTable embedding;
  private final Layer[] layers;
  private final Tensor outputNorm;
  private final PackedLinear head;

  private final PredictionRows compact = new PredictionRows();
  private int[] gathered = new int[64];
  private int[] gatheredAt = new int[64];
  private int gatheredCount;

  private int rowCapacity;
  private final List<Tensor> activations = new ArrayList<>();
  private Tensor residual;
  private Tensor normed;
  private Tensor fused;
  private Tensor attended;
  private Tensor activated;
  private int headCapacity;
  private Tensor headInput;

  private record Layer(
      Tensor attentionNorm,
      PackedLinear queryKeyValue,
      Optional<Tensor> queryKeyValueBias,
      Optional<Tensor> queryNorm,
      Optional<Tensor> keyNorm,
      PackedLinear output,
      Optional<Tensor> outputBias,
      Tensor ffnNorm,
      PackedLinear gateUp,
      PackedLinear down) {}

  /**
   * Packs the weights for {@code device}.
   *
   * @param weights views that may be closed afterwards, all but the embedding's
   * @param progress told after each layer: layers done so far
   */
  public Transformer(
      Device device,
      ModelConfig config,
      TransformerWeights weights,
      java.util.function.IntConsumer progress) {
    this.device = device;
    this.config = config;
    embedding = device.table(weights.embedding());
    layers = new Layer[config.layers()];
    for (int i = 0; i < layers.length; i++) {
      layers[i] = pack(weights.layers().get(i));
      progress.accept(i + 1);
    }
    outputNorm = device.vector(weights.outputNorm());
    head = device.pack(weights.head());
  }

  public ModelConfig config() {
    return config;
  }

  private Layer pack(TransformerWeights.Layer w) {
    return new Layer(
        device.vector(w.attentionNorm()),
        device.pack(w.query(), w.key(), w.value()),
        w.queryBias()
            .map(q -> device.vector(q, w.keyBias().orElseThrow(), w.valueBias().orElseThrow())),
        w.queryNorm().map(this::vector),
        w.keyNorm().map(this::vector),
        device.pack(w.output()),
        w.outputBias().map(this::vector),
        device.vector(w.ffnNorm()),
        device.packGated(w.gate(), w.up()),
        device.pack(w.down()));
  }

  private Tensor vector(WeightView view) {
    return device.vector(view);
  }

  /**
   * One network call: predicts what the batch wants.
   *
   * @param out resized to {@code batch.wanted().size()}, entry by entry
   */
  public void forward(StepBatch batch, Predictions out) {
    PredictionRows wanted = batch.wanted();
    run(batch);
    if (wanted.size() == 0) {
      out.resize(0);
      return;
    }
    compactRows(batch.rows(), wanted);
    reserveHead(gatheredCount);
    device.rmsNormRows(
        residual, gathered, gatheredCount, outputNorm, config.normEpsilon(), headInput);
    device.predict(headInput, gatheredCount, head, compact, out);
  }

  /**
   * Logits of every row of the batch.
   *
   * @param out float32 {@code [batch.rows()][vocabulary]} in host memory
   */
  public void logits(StepBatch batch, MemorySegment out) {
    run(batch);
    int rows = batch.rows();
    reserveHead(rows);
    device.rmsNorm(residual, rows, outputNorm, config.normEpsilon(), headInput);
    device.logits(headInput, rows, head, out);
  }

  /** Leaves the last block's output in {@link #residual}. */
  private void run(StepBatch batch) {
    int rows = batch.rows();
    reserve(rows);
    float eps = config.normEpsilon();
    device.embed(embedding, batch.tokens(), rows, residual);
    for (int i = 0; i < layers.length; i++) {
      Layer layer = layers[i];
      device.rmsNorm(residual, rows, layer.attentionNorm, eps, normed);
      if (layer.queryKeyValueBias.isPresent()) {
        device.linear(normed, rows, layer.queryKeyValue, layer.queryKeyValueBias.get(), fused);
      } else {
        device.linear(normed, rows, layer.queryKeyValue, fused);
      }
      if (layer.queryNorm.isPresent()) {
        device.headNorm(
            fused, rows, config.heads(), layer.queryNorm.get(), layer.keyNorm.orElseThrow(), eps);
      }
      device.rotate(fused, rows, config.heads(), config.rope(), batch.positions());
      attention(batch, i);
      device.linearAdd(attended, rows, layer.output, residual);
      if (layer.outputBias.isPresent()) {
        device.addBias(residual, rows, layer.outputBias.get());
      }
      device.rmsNorm(residual, rows, layer.ffnNorm, eps, normed);
      device.gatedSilu(normed, rows, layer.gateUp, activated);
      device.linearAdd(activated, rows, layer.down, residual);
    }
  }

  private void attention(StepBatch batch, int layer) {
    if (batch.store().isPresent()) {
      device.attention(
          fused,
          config.heads(),
          batch.spans(),
          batch.positions(),
          config.mask(),
          batch.store().get(),
          layer,
          attended);
    } else {
      device.attention(fused, config.heads(), batch.spans(), config.mask(), attended);
    }
  }

  /** Lists each needed row once and rewrites the wanted entries to refer to that list. */
  private void compactRows(int rows, PredictionRows wanted) {
    if (gatheredAt.length < rows) {
      gatheredAt = new int[Math.max(rows, gatheredAt.length * 2)];
      gathered = new int[gatheredAt.length];
    }
    Arrays.fill(gatheredAt, 0, rows, -1);
    gatheredCount = 0;
    compact.clear();
    for (int i = 0; i < wanted.size(); i++) {
      int unconditional = wanted.unconditionalRow(i);
      compact.wantEntropy(wanted.entropy(i));
      compact.add(
          gather(wanted.row(i)),
          unconditional < 0 ? -1 : gather(unconditional),
          wanted.guidance(i),
          wanted.sampling(i),
          wanted.seed(i),
          wanted.step(i),
          wanted.position(i),
          wanted.presentToken(i));
    }
  }

  private int gather(int row) {
    if (gatheredAt[row] < 0) {
      gatheredAt[row] = gatheredCount;
      gathered[gatheredCount++] = row;
    }
    return gatheredAt[row];
  }

  private void reserve(int rows) {
    if (rows <= rowCapacity) {
      return;
    }
    int capacity = Math.max(rows, Math.min(2 * rowCapacity, rowCapacity + 4096));
    rowCapacity = 0;
    // Freed first, and forgotten, so that an allocation that fails leaves nothing behind.
    activations.forEach(device::free);
    activations.clear();
    DType compute = device.computeType();
    residual = activation(DType.F32, capacity, config.hidden());
    normed = activation(compute, capacity, config.hidden());
    fused = activation(DType.F32, capacity, config.heads().fusedWidth());
    attended = activation(compute, capacity, config.heads().queryWidth());
    activated = activation(compute, capacity, config.ffn());
    rowCapacity = capacity;
  }

  private Tensor activation(DType dtype, int rows, int width) {
    Tensor tensor = device.allocate(dtype, rows, width);
    activations.add(tensor);
    return tensor;
  }

  private void reserveHead(int rows) {
    if (rows <= headCapacity) {
      return;
    }
    if (headCapacity > 0) {
      device.free(headInput);
    }
    headCapacity = 0;
    headInput = device.allocate(device.computeType(), rows, config.hidden());
    headCapacity = rows;
  }
}
