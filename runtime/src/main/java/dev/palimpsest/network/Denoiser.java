/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * Predicts the codes of a text from noisy latents: transformer blocks with a convolution each,
 * conditioned on every position's own time (AdaLN-zero; Peebles and Xie, DiT, 2022), around blocks
 * at half resolution (a U-Net of one level; Ronneberger et al., 2015).
 */
final class Denoiser {
  private final Device device;
  private final HybridConfig config;

  private final PackedLinear in;
  private final EmbeddingTable state;
  private final PackedLinear time;
  private final PackedLinear modulation;
  private final Tensor modulationBias;
  private final Level full;
  private final Level half;
  private final ConditionedBlock[] before;
  private final ConditionedBlock[] middle;
  private final ConditionedBlock[] after;
  private final Optional<Resampling> resampling;
  private final PackedLinear out;
  private final int finalColumn;

  private final Activations timed;
  private Tensor features;
  private Tensor timeHidden;
  private Tensor table;
  private final Activations rowed;
  private Tensor input;
  private Tensor pooled;
  private final Activations wantedRows;
  private Tensor normed;
  private Tensor logits;
  private final ChosenRows chosen = new ChosenRows();
  private final DenoiseRows compact = new DenoiseRows();

  /** What the blocks of one resolution share. */
  private static final class Level {
    final BlockScratch scratch;
    final Activations activations;
    RowSpans spans = new RowSpans();
    int[] positions = new int[0];
    int[] rowOf = new int[0];
    Optional<Modulation> modulation = Optional.empty();
    Tensor x;
    Tensor branch;
    Tensor convolved;

    Level(Device device, BlockShape shape) {
      scratch = new BlockScratch(device, shape);
      activations = new Activations(device);
    }

    void reserve(Device device, int rows) {
      scratch.reserve(rows);
      if (activations.grow(rows)) {
        int hidden = scratch.shape().hidden();
        x = activations.add(DType.F32, hidden);
        branch = activations.add(DType.F32, hidden);
        convolved = activations.add(device.computeType(), 3 * hidden);
        activations.ready();
      }
    }

    void condition(Tensor table) {
      if (modulation.isEmpty()
          || modulation.get().table() != table
          || modulation.get().rowOf() != rowOf) {
        modulation = Optional.of(new Modulation(table, rowOf));
      }
    }
  }

  /**
   * A block and where its modulation begins: scale, shift and gate of the convolution, of attention
   * and of the gated network.
   */
  private record ConditionedBlock(PackedLinear convolution, Block block, int column) {}

  private record Resampling(
      Tensor taps, PackedLinear down, Tensor norm, PackedLinear up, Tensor gate) {}

  Denoiser(Device device, HybridConfig config, HybridWeights.Denoiser weights) {
    this.device = device;
    this.config = config;
    in = device.pack(weights.in());
    state = device.table(weights.state());
    time = device.packGated(weights.timeGate(), weights.timeUp());
    modulation = device.pack(weights.modulation());
    modulationBias = device.vector(weights.modulationBias());
    full = new Level(device, shape(config, config.full()));
    half = new Level(device, shape(config, config.half()));
    int column = 0;
    before = blocks(weights.before(), full.scratch.shape(), column);
    column += 9 * before.length * config.full().hidden();
    middle = blocks(weights.half(), half.scratch.shape(), column);
    column += 9 * middle.length * config.half().hidden();
    after = blocks(weights.after(), full.scratch.shape(), column);
    finalColumn = column + 9 * after.length * config.full().hidden();
    resampling =
        weights
            .resampling()
            .map(
                w ->
                    new Resampling(
                        device.vector(w.taps()),
                        device.pack(w.down()),
                        device.vector(w.norm()),
                        device.pack(w.up()),
                        device.vector(w.gate())));
    out = device.pack(weights.out());
    timed = new Activations(device);
    rowed = new Activations(device);
    wantedRows = new Activations(device);
  }

  static BlockShape shape(HybridConfig config, HybridConfig.Level level) {
    int headDim = level.hidden() / level.heads();
    return new BlockShape(
        level.hidden(),
        level.ffn(),
        new HeadShape(level.heads(), level.heads(), headDim),
        new Rope(config.ropeTheta(), headDim, Rope.Pairing.HALF_SPLIT),
        config.normEpsilon());
  }

  private ConditionedBlock[] blocks(
      List<HybridWeights.Block> weights, BlockShape shape, int column) {
    ConditionedBlock[] blocks = new ConditionedBlock[weights.size()];
    for (int i = 0; i < blocks.length; i++) {
      HybridWeights.Block w = weights.get(i);
      blocks[i] =
          new ConditionedBlock(
              device.pack(w.convolution()),
              new Block(
                  new RotaryProjection(
                      device.pack(w.query(), w.key(), w.value()),
                      Optional.empty(),
                      shape.heads(),
                      Optional.of(
                          new RotaryProjection.HeadNorms(
                              device.vector(w.queryNorm()),
                              device.vector(w.keyNorm()),
                              shape.normEpsilon())),
                      shape.rope()),
                  device.pack(w.output()),
                  device.packGated(w.gate(), w.up()),
                  device.pack(w.down())),
              column + 9 * shape.hidden() * i);
    }
    return blocks;
  }

  /** Positions 0, 1, … of each sequence, in {@code reused} if it is long enough. */
  static int[] positions(RowSpans spans, int[] reused) {
    int rows = spans.rows();
    int[] positions = reused.length < rows ? new int[Math.max(rows, 2 * reused.length)] : reused;
    for (int s = 0; s < spans.sequences(); s++) {
      for (int row = spans.start(s); row < spans.start(s + 1); row++) {
        positions[row] = row - spans.start(s);
      }
    }
    return positions;
  }

  /** One denoising step of all that the batch wants. */
  void denoise(LatentBatch batch, Codebook codebook) {
    predict(batch);
    device.denoise(logits, codebook, compact, batch.state(), batch.denoised());
  }

  /** Computes the logits of the batch's wanted rows, each once. */
  private void predict(LatentBatch batch) {
    int rows = batch.spans().rows();
    prepare(batch, rows);
    run(batch, rows);
    compactRows(batch.wanted(), rows);
    int count = chosen.size();
    if (wantedRows.grow(count)) {
      normed = wantedRows.add(device.computeType(), config.full().hidden());
      logits = wantedRows.add(DType.F32, config.logits());
      wantedRows.ready();
    }
    device.adaNormRows(
        full.x,
        chosen.rows(),
        count,
        config.normEpsilon(),
        full.modulation.orElseThrow(),
        finalColumn,
        normed);
    device.linear(normed, count, out, logits);
  }

  /** Logits of every row, for tests. */
  Tensor logits(LatentBatch batch) {
    batch.wanted().clear();
    for (int i = 0; i < batch.spans().rows(); i++) {
      batch.wanted().add(i, -1, 0, 1, -1, new SolverStep(1, 0, 0, 0), 0, 0, 0);
    }
    predict(batch);
    return logits;
  }

  private void prepare(LatentBatch batch, int rows) {
    full.reserve(device, rows);
    full.spans = batch.spans();
    full.positions = positions(batch.spans(), full.positions);
    full.rowOf = batch.timeOf();
    if (rowed.grow(rows)) {
      input = rowed.add(device.computeType(), 2 * config.width());
      pooled = rowed.add(device.computeType(), config.full().hidden());
      rowed.ready();
    }
    int count = batch.timeCount();
    if (timed.grow(count)) {
      features = timed.add(device.computeType(), config.timeFeatures());
      timeHidden = timed.add(device.computeType(), config.timeHidden());
      table = timed.add(DType.F32, config.modulationWidth());
      timed.ready();
    }
    if (resampling.isPresent()) {
      halve(batch);
    }
    device.timeFeatures(batch.times(), count, features);
    device.gatedSilu(features, count, time, timeHidden);
    device.linear(timeHidden, count, modulation, modulationBias, table);
    full.condition(table);
    half.condition(table);
  }

  /** Lays out the half resolution; a row goes by the noisier time of its two. */
  private void halve(LatentBatch batch) {
    RowSpans spans = batch.spans();
    half.spans.clear();
    for (int s = 0; s < spans.sequences(); s++) {
      half.spans.add((spans.length(s) + 1) / 2);
    }
    int rows = half.spans.rows();
    half.reserve(device, rows);
    half.positions = positions(half.spans, half.positions);
    if (half.rowOf.length < rows) {
      half.rowOf = new int[Math.max(rows, 2 * half.rowOf.length)];
    }
    int[] timeOf = batch.timeOf();
    float[] times = batch.times();
    for (int s = 0; s < spans.sequences(); s++) {
      for (int j = 0; j < half.spans.length(s); j++) {
        int first = spans.start(s) + 2 * j;
        int second = Math.min(first + 1, spans.start(s + 1) - 1);
        half.rowOf[half.spans.start(s) + j] =
            times[timeOf[second]] < times[timeOf[first]] ? timeOf[second] : timeOf[first];
      }
    }
  }

  /** Leaves the last block's output in {@code full.x}. */
  private void run(LatentBatch batch, int rows) {
    device.gather(batch.state(), batch.slots(), rows, input);
    device.linear(input, rows, in, full.x);
    device.embedAdd(state, batch.states(), rows, full.x);
    for (ConditionedBlock block : before) {
      run(block, full);
    }
    if (resampling.isPresent()) {
      Resampling r = resampling.get();
      int halfRows = half.spans.rows();
      device.downsample(full.x, full.spans, r.taps, half.spans, pooled);
      device.linear(pooled, halfRows, r.down, half.x);
      for (ConditionedBlock block : middle) {
        run(block, half);
      }
      device.rmsNorm(half.x, halfRows, r.norm, config.normEpsilon(), half.scratch.normed());
      device.linear(half.scratch.normed(), halfRows, r.up, full.branch);
      device.upsampleAdd(full.branch, half.spans, r.gate, full.spans, full.x);
    }
    for (ConditionedBlock block : after) {
      run(block, full);
    }
  }

  private void run(ConditionedBlock b, Level level) {
    int rows = level.spans.rows();
    int hidden = level.scratch.shape().hidden();
    float eps = config.normEpsilon();
    BlockScratch scratch = level.scratch;
    Modulation by = level.modulation.orElseThrow();
    device.convolutionInput(
        level.x, level.spans, config.normGroups(), eps, by, b.column, level.convolved);
    device.linear(level.convolved, rows, b.convolution, level.branch);
    device.gateAdd(level.x, rows, level.branch, by, b.column + 2 * hidden);

    device.adaNorm(level.x, rows, eps, by, b.column + 3 * hidden, scratch.normed());
    b.block.attend(device, scratch, level.spans, level.positions, AttentionMask.FULL);
    device.linear(scratch.attended(), rows, b.block.output(), level.branch);
    device.gateAdd(level.x, rows, level.branch, by, b.column + 5 * hidden);

    device.adaNorm(level.x, rows, eps, by, b.column + 6 * hidden, scratch.normed());
    b.block.activate(device, scratch, rows);
    device.linear(scratch.activated(), rows, b.block.down(), level.branch);
    device.gateAdd(level.x, rows, level.branch, by, b.column + 8 * hidden);
  }

  /** Lists each needed row once and rewrites the wanted entries to refer to that list. */
  private void compactRows(DenoiseRows wanted, int rows) {
    chosen.begin(rows);
    compact.clear();
    for (int i = 0; i < wanted.size(); i++) {
      compact.add(
          chosen.place(wanted.row(i)),
          chosen.place(wanted.unconditionalRow(i)),
          wanted.guidance(i),
          wanted.temperature(i),
          wanted.slot(i),
          wanted.solver(i),
          wanted.seed(i),
          wanted.step(i),
          wanted.position(i));
    }
  }
}
