/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;

/**
 * A device that does what another does and notes how long each op took. Ops are timed as the host
 * sees them, so the inner device must finish an op before it returns from it.
 */
final class TimedDevice extends TimedLatentOps implements Device {
  private final Device inner;

  TimedDevice(Device inner, OpTimes times) {
    super(inner, times);
    this.inner = inner;
  }

  @Override
  public String describe() {
    return inner.describe();
  }

  @Override
  public DType computeType() {
    return inner.computeType();
  }

  @Override
  public Tensor allocate(DType dtype, int rows, int width) {
    return inner.allocate(dtype, rows, width);
  }

  @Override
  public void free(Tensor tensor) {
    inner.free(tensor);
  }

  @Override
  public PackedLinear pack(WeightView... parts) {
    return inner.pack(parts);
  }

  @Override
  public PackedLinear packGated(WeightView gate, WeightView up) {
    return inner.packGated(gate, up);
  }

  @Override
  public EmbeddingTable table(WeightView weights) {
    return inner.table(weights);
  }

  @Override
  public Tensor vector(WeightView... parts) {
    return inner.vector(parts);
  }

  @Override
  public void embed(EmbeddingTable table, int[] tokens, int rows, Tensor out) {
    long start = System.nanoTime();
    inner.embed(table, tokens, rows, out);
    note("embed", System.nanoTime() - start, rows + " x " + out.width(), 0, 2 * used(out, rows));
  }

  @Override
  public void rmsNorm(Tensor x, int rows, Tensor weight, float eps, Tensor out) {
    long start = System.nanoTime();
    inner.rmsNorm(x, rows, weight, eps, out);
    note(
        "rmsNorm",
        System.nanoTime() - start,
        rows + " x " + x.width(),
        0,
        used(x, rows) + used(out, rows));
  }

  @Override
  public void rmsNormRows(Tensor x, int[] index, int count, Tensor weight, float eps, Tensor out) {
    long start = System.nanoTime();
    inner.rmsNormRows(x, index, count, weight, eps, out);
    note(
        "rmsNormRows",
        System.nanoTime() - start,
        count + " x " + x.width(),
        0,
        used(x, count) + used(out, count));
  }

  @Override
  public void linear(Tensor x, int rows, PackedLinear weights, Tensor out) {
    long start = System.nanoTime();
    inner.linear(x, rows, weights, out);
    noteLinear("linear", System.nanoTime() - start, x, rows, weights, used(out, rows));
  }

  @Override
  public void linear(Tensor x, int rows, PackedLinear weights, Tensor bias, Tensor out) {
    long start = System.nanoTime();
    inner.linear(x, rows, weights, bias, out);
    noteLinear("linear+bias", System.nanoTime() - start, x, rows, weights, used(out, rows));
  }

  @Override
  public void addBias(Tensor x, int rows, Tensor bias) {
    long start = System.nanoTime();
    inner.addBias(x, rows, bias);
    note("addBias", System.nanoTime() - start, rows + " x " + x.width(), 0, 2 * used(x, rows));
  }

  @Override
  public void linearAdd(Tensor x, int rows, PackedLinear weights, Tensor accumulator) {
    long start = System.nanoTime();
    inner.linearAdd(x, rows, weights, accumulator);
    noteLinear(
        "linearAdd", System.nanoTime() - start, x, rows, weights, 2 * used(accumulator, rows));
  }

  @Override
  public void gatedSilu(Tensor x, int rows, PackedLinear gateUp, Tensor out) {
    long start = System.nanoTime();
    inner.gatedSilu(x, rows, gateUp, out);
    note(
        "gatedSilu",
        System.nanoTime() - start,
        rows + " x " + gateUp.inFeatures() + " -> 2 x " + gateUp.outFeatures(),
        4L * rows * gateUp.inFeatures() * gateUp.outFeatures(),
        used(x, rows) + gateUp.bytes() + used(out, rows));
  }

  @Override
  public void headNorm(
      Tensor fused, int rows, HeadShape shape, Tensor queryWeight, Tensor keyWeight, float eps) {
    long start = System.nanoTime();
    inner.headNorm(fused, rows, shape, queryWeight, keyWeight, eps);
    note("headNorm", System.nanoTime() - start, heads(rows, shape), 0, turned(rows, shape));
  }

  @Override
  public void rotate(Tensor fused, int rows, HeadShape shape, Rope rope, int[] positions) {
    long start = System.nanoTime();
    inner.rotate(fused, rows, shape, rope, positions);
    note("rotate", System.nanoTime() - start, heads(rows, shape), 0, turned(rows, shape));
  }

  @Override
  public void attention(
      Tensor fused, HeadShape shape, RowSpans spans, AttentionMask mask, Tensor out) {
    long start = System.nanoTime();
    inner.attention(fused, shape, spans, mask, out);
    int rows = spans.rows();
    note(
        "attention",
        System.nanoTime() - start,
        (spans.sequences() > 1 ? spans.sequences() + " sequences, " : "") + heads(rows, shape),
        attentionFlops(shape, spans, mask),
        used(fused, rows) + used(out, rows));
  }

  @Override
  public KvStore keyValues(int layers, HeadShape shape, long maxBytes) {
    return inner.keyValues(layers, shape, maxBytes);
  }

  @Override
  public void attention(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    long start = System.nanoTime();
    inner.attention(fused, shape, spans, positions, mask, store, layer, out);
    int rows = spans.rows();
    note(
        "attention",
        System.nanoTime() - start,
        (spans.sequences() > 1 ? spans.sequences() + " sequences, " : "")
            + heads(rows, shape)
            + ", some cached",
        attentionFlops(shape, spans, positions, mask),
        used(fused, rows) + used(out, rows));
  }

  @Override
  public void predict(
      Tensor hidden, int rows, PackedLinear head, PredictionRows wanted, Predictions out) {
    long start = System.nanoTime();
    inner.predict(hidden, rows, head, wanted, out);
    noteLinear("predict", System.nanoTime() - start, hidden, rows, head, 0);
  }

  @Override
  public void logits(Tensor hidden, int rows, PackedLinear head, MemorySegment out) {
    long start = System.nanoTime();
    inner.logits(hidden, rows, head, out);
    noteLinear(
        "logits", System.nanoTime() - start, hidden, rows, head, 4L * rows * head.outFeatures());
  }

  @Override
  public void close() {
    inner.close();
  }

  /** Both products, {@code Q·Kᵀ} and {@code P·V}, counting only the pairs the mask lets through. */
  static long attentionFlops(HeadShape shape, RowSpans spans, AttentionMask mask) {
    long pairs = 0;
    for (int s = 0; s < spans.sequences(); s++) {
      long length = spans.length(s);
      int block = mask.blockLength();
      if (block == 0) {
        pairs += length * length;
      } else {
        for (long i = 0; i < length; i++) {
          pairs += Math.min(length, (i / block + 1) * block);
        }
      }
    }
    return 4 * pairs * shape.queryWidth();
  }

  /** As above where some sequences are paged. */
  private static long attentionFlops(
      HeadShape shape, RowSpans spans, int[] positions, AttentionMask mask) {
    long pairs = 0;
    int block = mask.blockLength();
    for (int s = 0; s < spans.sequences(); s++) {
      for (int row = spans.start(s); row < spans.start(s + 1); row++) {
        long context = spans.context(s);
        pairs += block == 0 ? context : Math.min(context, (positions[row] / block + 1L) * block);
      }
    }
    return 4 * pairs * shape.queryWidth();
  }

  private void noteLinear(
      String name, long nanos, Tensor x, int rows, PackedLinear weights, long outBytes) {
    note(
        name,
        nanos,
        rows + " x " + weights.inFeatures() + " -> " + weights.outFeatures(),
        2L * rows * weights.inFeatures() * weights.outFeatures(),
        used(x, rows) + weights.bytes() + outBytes);
  }

  /** Bytes of the query and key heads, read and written. */
  private static long turned(int rows, HeadShape shape) {
    return 8L * rows * (shape.queryWidth() + shape.keyWidth());
  }

  private static String heads(int rows, HeadShape shape) {
    String kv = shape.kvHeads() == shape.heads() ? "" : "/" + shape.kvHeads();
    return rows + " x " + shape.heads() + kv + " heads of " + shape.headDim();
  }
}
