/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;
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
  private final PreNormBlock[] layers;
  private final BlockScratch scratch;
  private final Tensor outputNorm;
  private final PackedLinear head;

  private final PredictionRows compact = new PredictionRows();
  private final ChosenRows chosen = new ChosenRows();

  private int[] entryRows = new int[64];
  private final Activations activations;
  private Tensor residual;
  private int headCapacity;
  private Tensor headInput;

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
    scratch =
        new BlockScratch(
            device,
            new BlockShape(
                config.hidden(),
                config.ffn(),
                config.heads(),
                config.rope(),
                config.normEpsilon()));
    layers = new PreNormBlock[config.layers()];
    for (int i = 0; i < layers.length; i++) {
      layers[i] = PreNormBlock.pack(device, scratch.shape(), weights.layers().get(i));
      progress.accept(i + 1);
    }
    outputNorm = device.vector(weights.outputNorm());
    head = device.pack(weights.head());
    activations = new Activations(device);
  }

  public ModelConfig config() {
    return config;
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
    int count = chosen.size();
    reserveHead(count);
    device.rmsNormRows(residual, chosen.rows(), count, outputNorm, config.normEpsilon(), headInput);
    device.predict(headInput, count, head, compact, out);
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

  /** What repeats network calls on the device by itself, where the device can do that. */
  public Optional<BlockLoop> loop() {
    return device.blockLoop();
  }

  /**
   * Network calls with the device's {@link #loop}, until all blocks of the batch are over, or
   * {@code most} of them; what came of it is asked of the loop.
   *
   * @throws IllegalStateException if there is no loop
   */
  public void repeat(StepBatch batch, int most) {
    BlockLoop loop =
        loop().orElseThrow(() -> new IllegalStateException("this device has no loop of its own"));
    PredictionRows wanted = batch.wanted();
    int rows = batch.rows();
    int count = wanted.size();
    if (entryRows.length < count) {
      entryRows = new int[Math.max(count, 2 * entryRows.length)];
    }
    for (int i = 0; i < count; i++) {
      entryRows[i] = wanted.row(i);
    }
    reserve(rows);
    reserveHead(count);
    loop.run(
        batch.blocks(),
        batch.tokens(),
        rows,
        wanted,
        most,
        () -> {
          loop.embed(embedding, rows, residual);
          layers(batch);
          device.rmsNormRows(
              residual, entryRows, count, outputNorm, config.normEpsilon(), headInput);
          loop.predict(headInput, count, head);
        });
  }

  /** Leaves the last block's output in {@link #residual}. */
  private void run(StepBatch batch) {
    int rows = batch.rows();
    reserve(rows);
    device.embed(embedding, batch.tokens(), rows, residual);
    layers(batch);
  }

  private void layers(StepBatch batch) {
    PreNormBlock.run(
        layers,
        device,
        scratch,
        residual,
        batch.spans(),
        batch.positions(),
        config.mask(),
        batch.store());
  }

  /** Lists each needed row once and rewrites the wanted entries to refer to that list. */
  private void compactRows(int rows, PredictionRows wanted) {
    chosen.begin(rows);
    compact.clear();
    for (int i = 0; i < wanted.size(); i++) {
      compact.wantEntropy(wanted.entropy(i));
      compact.add(
          chosen.place(wanted.row(i)),
          chosen.place(wanted.unconditionalRow(i)),
          wanted.guidance(i),
          wanted.sampling(i),
          wanted.seed(i),
          wanted.step(i),
          wanted.position(i),
          wanted.presentToken(i));
    }
  }

  private void reserve(int rows) {
    scratch.reserve(rows);
    if (activations.grow(rows)) {
      residual = activations.add(DType.F32, config.hidden());
      activations.ready();
    }
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
