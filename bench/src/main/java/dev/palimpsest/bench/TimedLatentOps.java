/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.LatentOps;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;

/** The part of a {@link TimedDevice} that latent diffusion uses. */
abstract class TimedLatentOps implements LatentOps {
  private final LatentOps inner;
  private final OpTimes times;

  TimedLatentOps(LatentOps inner, OpTimes times) {
    this.inner = inner;
    this.times = times;
  }

  @Override
  public Codebook codebook(WeightView codes, int groups) {
    return inner.codebook(codes, groups);
  }

  @Override
  public void embedAdd(EmbeddingTable table, int[] index, int rows, Tensor x) {
    long start = System.nanoTime();
    inner.embedAdd(table, index, rows, x);
    note("embedAdd", System.nanoTime() - start, rows, x, 2 * used(x, rows));
  }

  @Override
  public void timeFeatures(float[] times, int count, Tensor out) {
    long start = System.nanoTime();
    inner.timeFeatures(times, count, out);
    note("timeFeatures", System.nanoTime() - start, count, out, used(out, count));
  }

  @Override
  public void adaNorm(
      Tensor x, int rows, float eps, Modulation modulation, int column, Tensor out) {
    long start = System.nanoTime();
    inner.adaNorm(x, rows, eps, modulation, column, out);
    note("adaNorm", System.nanoTime() - start, rows, x, used(x, rows) + used(out, rows));
  }

  @Override
  public void adaNormRows(
      Tensor x, int[] index, int count, float eps, Modulation modulation, int column, Tensor out) {
    long start = System.nanoTime();
    inner.adaNormRows(x, index, count, eps, modulation, column, out);
    note("adaNormRows", System.nanoTime() - start, count, x, used(x, count) + used(out, count));
  }

  @Override
  public void convolutionInput(Tensor x, RowSpans spans, int groups, float eps, Tensor out) {
    long start = System.nanoTime();
    inner.convolutionInput(x, spans, groups, eps, out);
    note(
        "convolutionInput",
        System.nanoTime() - start,
        spans.rows(),
        x,
        used(x, spans.rows()) + used(out, spans.rows()));
  }

  @Override
  public void convolutionInput(
      Tensor x,
      RowSpans spans,
      int groups,
      float eps,
      Modulation modulation,
      int column,
      Tensor out) {
    long start = System.nanoTime();
    inner.convolutionInput(x, spans, groups, eps, modulation, column, out);
    note(
        "convolutionInput",
        System.nanoTime() - start,
        spans.rows(),
        x,
        used(x, spans.rows()) + used(out, spans.rows()));
  }

  @Override
  public void gateAdd(Tensor accumulator, int rows, Tensor y, Modulation modulation, int column) {
    long start = System.nanoTime();
    inner.gateAdd(accumulator, rows, y, modulation, column);
    note("gateAdd", System.nanoTime() - start, rows, y, 3 * used(y, rows));
  }

  @Override
  public void downsample(Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out) {
    long start = System.nanoTime();
    inner.downsample(x, spans, taps, half, out);
    note(
        "downsample",
        System.nanoTime() - start,
        spans.rows(),
        x,
        used(x, spans.rows()) + used(out, half.rows()));
  }

  @Override
  public void upsampleAdd(Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x) {
    long start = System.nanoTime();
    inner.upsampleAdd(h, half, gate, spans, x);
    note(
        "upsampleAdd",
        System.nanoTime() - start,
        spans.rows(),
        x,
        used(h, half.rows()) + 2 * used(x, spans.rows()));
  }

  @Override
  public void gather(Tensor x, int[] index, int count, Tensor out) {
    long start = System.nanoTime();
    inner.gather(x, index, count, out);
    note("gather", System.nanoTime() - start, count, x, used(x, count) + used(out, count));
  }

  @Override
  public void nearestCodes(Tensor x, int rows, Codebook codebook, int[] codes) {
    long start = System.nanoTime();
    inner.nearestCodes(x, rows, codebook, codes);
    note("nearestCodes", System.nanoTime() - start, rows, x, used(x, rows));
  }

  @Override
  public void latents(Codebook codebook, int[] codes, int[] slots, int count, Tensor state) {
    long start = System.nanoTime();
    inner.latents(codebook, codes, slots, count, state);
    note("latents", System.nanoTime() - start, count, state, used(state, count));
  }

  @Override
  public void renoise(RenoiseRows rows, Tensor state) {
    long start = System.nanoTime();
    inner.renoise(rows, state);
    note("renoise", System.nanoTime() - start, rows.size(), state, used(state, rows.size()));
  }

  @Override
  public void denoise(
      Tensor logits, Codebook codebook, DenoiseRows wanted, Tensor state, Denoised out) {
    long start = System.nanoTime();
    inner.denoise(logits, codebook, wanted, state, out);
    note(
        "denoise",
        System.nanoTime() - start,
        wanted.size(),
        logits,
        used(logits, wanted.size()) + 2 * used(state, wanted.size()));
  }

  private void note(String op, long nanos, int rows, Tensor of, long bytes) {
    note(op, nanos, rows + " x " + of.width(), 0, bytes);
  }

  final void note(String op, long nanos, String shape, long flops, long bytes) {
    times.add(new Op(op, shape, flops, bytes), nanos);
  }

  /** Bytes of the first rows. */
  static long used(Tensor tensor, int rows) {
    return tensor.dtype().bytes((long) rows * tensor.width());
  }
}
