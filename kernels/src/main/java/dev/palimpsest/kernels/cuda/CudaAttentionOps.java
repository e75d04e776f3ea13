/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The ops from the q, k, v projection to what heads attended to: norm and rotation of heads, keys
 * and values to their pages, attention. Checks what it is given.
 */
final class CudaAttentionOps {
  private static final int[] NO_PLACES = {};

  private final CudaDevice device;
  private final CudaContext context;
  private final DeviceMemory memory;
  private final SequenceLayout layout;
  private final Norm norm;
  private final Rotary rotary;
  private final RotaryPages rotaryPages;
  private final RotaryTables rotaryTables;
  private final StepArray positions;
  private final Pages pages;
  private final Attention attention;

  /**
   * @param layout of the batch; shared with loops, which pad it
   */
  CudaAttentionOps(
      CudaDevice device,
      CudaContext context,
      DeviceMemory memory,
      Modules modules,
      Upload upload,
      SequenceLayout layout,
      Norm norm) {
    this.device = device;
    this.context = context;
    this.memory = memory;
    this.layout = layout;
    this.norm = norm;
    rotary = new Rotary(modules);
    rotaryPages = new RotaryPages(modules);
    rotaryTables = new RotaryTables(memory, upload);
    positions = new StepArray(context, memory);
    pages = new Pages(modules);
    attention = new Attention(context, memory, modules);
  }

  void headNorm(
      Tensor fused, int rows, HeadShape shape, Tensor queryWeight, Tensor keyWeight, float eps) {
    device.tensor("headNorm", "fused", fused, DType.F32, rows, shape.fusedWidth());
    device.tensor("headNorm", "queryWeight", queryWeight, DType.F32, 1, shape.headDim());
    device.tensor("headNorm", "keyWeight", keyWeight, DType.F32, 1, shape.headDim());
    norm.heads(fused, rows, shape, queryWeight, keyWeight, eps);
  }

  void rotate(Tensor fused, int rows, HeadShape shape, Rope rope, int[] places) {
    device.tensor("rotate", "fused", fused, DType.F32, rows, shape.fusedWidth());
    Optional<RotaryTables.Table> table = rotation("rotate", rows, shape, rope, places);
    if (table.isPresent()) {
      rotary.run(fused, rows, shape, rope, positions.upload(places, rows), table.get());
    }
  }

  /** The table that rows turn by; none where nothing turns. */
  private Optional<RotaryTables.Table> rotation(
      String op, int rows, HeadShape shape, Rope rope, int[] places) {
    if (rope.dims() > shape.headDim()) {
      throw new IllegalArgumentException(
          op + ": a head of " + shape.headDim() + " elements cannot turn " + rope.dims());
    }
    Shapes.indices(op, "positions", places, rows, Integer.MAX_VALUE);
    if (rope.dims() == 0) {
      return Optional.empty();
    }
    int last = 0;
    for (int i = 0; i < rows; i++) {
      last = Math.max(last, places[i]);
    }
    return Optional.of(rotaryTables.of(rope, last + 1));
  }

  void attention(Tensor fused, HeadShape shape, RowSpans spans, AttentionMask mask, Tensor out) {
    attentionTensors("attention", fused, shape, spans, out);
    unpaged("attention", spans);
    long layerOffset = lay(shape, spans, NO_PLACES, Optional.empty(), 0);
    attend(fused, shape, spans, layerOffset, mask, out);
  }

  private static void unpaged(String op, RowSpans spans) {
    if (spans.paged()) {
      throw new IllegalArgumentException(
          op + ": the batch has sequences in pages and no K/V store was given");
    }
  }

  KvStore keyValues(int layers, HeadShape shape, long maxBytes) {
    if (layers <= 0 || maxBytes < 0) {
      throw new IllegalArgumentException(
          "keyValues: wants at least one layer and a budget >= 0; found "
              + layers
              + " layers, "
              + maxBytes
              + " bytes");
    }
    return new CudaKvStore(device, context, memory, layers, shape, device.computeType(), maxBytes);
  }

  void attention(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    attentionTensors("attention", fused, shape, spans, out);
    CudaKvStore kv = storeOf("attention", store, shape, layer);
    spans.checkPaging(places, kv.pages());
    attend(fused, shape, spans, lay(shape, spans, places, Optional.of(kv), layer), mask, out);
  }

  private CudaKvStore storeOf(String op, KvStore store, HeadShape shape, int layer) {
    if (!(store instanceof CudaKvStore kv) || !kv.of(device)) {
      throw new IllegalArgumentException(op + ": the K/V store was made by another device");
    }
    if (kv.closed()) {
      throw new IllegalStateException(op + ": the K/V store is closed");
    }
    if (!kv.shape().equals(shape) || layer < 0 || layer >= kv.layers()) {
      throw new IllegalArgumentException(
          op
              + ": layer %d with %s does not fit a K/V store of %d layers with %s"
                  .formatted(layer, shape, kv.layers(), kv.shape()));
    }
    return kv;
  }

  private void attentionTensors(
      String op, Tensor fused, HeadShape shape, RowSpans spans, Tensor out) {
    device.tensor(op, "fused", fused, DType.F32, spans.rows(), shape.fusedWidth());
    device.tensor(op, "out", out, device.computeType(), spans.rows(), shape.queryWidth());
    if (shape.headDim() > Attention.MOST_DIM) {
      throw new IllegalArgumentException(
          op
              + ": heads have at most "
              + Attention.MOST_DIM
              + " elements on CUDA; found "
              + shape.headDim());
    }
  }

  /** Lays the batch out; the answer is where the layer begins in a page of the store. */
  private long lay(
      HeadShape shape, RowSpans spans, int[] places, Optional<CudaKvStore> store, int layer) {
    layout.lay(
        spans,
        places,
        store,
        shape,
        device.computeType(),
        attention.queries(shape, device.computeType()),
        attention.longQueries(shape, device.computeType()));
    return layer * CudaKvStore.layerElements(shape);
  }

  private void attend(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      long layerOffset,
      AttentionMask mask,
      Tensor out) {
    pages.store(fused, spans.rows(), shape, layout, layerOffset, device.computeType());
    attention.run(fused, shape, layout, layerOffset, mask, out);
  }

  void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      Tensor out) {
    unpaged("rotaryAttention", spans);
    rotaryAttention(x, projection, fused, spans, places, mask, Optional.empty(), 0, out);
  }

  void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    CudaKvStore kv = storeOf("rotaryAttention", store, projection.shape(), layer);
    spans.checkPaging(places, kv.pages());
    rotaryAttention(x, projection, fused, spans, places, mask, Optional.of(kv), layer, out);
  }

  private void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      Optional<CudaKvStore> store,
      int layer,
      Tensor out) {
    String op = "rotaryAttention";
    HeadShape shape = projection.shape();
    int rows = spans.rows();
    CudaLinear map = device.ownMap(op, projection.weights(), false);
    device.tensor(op, "x", x, device.computeType(), rows, map.in());
    attentionTensors(op, fused, shape, spans, out);
    device.tensor(op, "fused", fused, DType.F32, rows, map.out());
    projectionTensors(op, projection);
    Optional<RotaryTables.Table> table = rotation(op, rows, shape, projection.rope(), places);
    device
        .products()
        .run(Matmul.Epilogue.STORE, x.memory(), rows, map, MemorySegment.NULL, fused.memory());
    long layerOffset = lay(shape, spans, places, store, layer);
    toPages(fused, projection, table, rows, places, layerOffset);
    attention.run(fused, shape, layout, layerOffset, mask, out);
  }

  private void projectionTensors(String op, RotaryProjection projection) {
    HeadShape shape = projection.shape();
    if (projection.bias().isPresent()) {
      device.tensor(op, "bias", projection.bias().get(), DType.F32, 1, shape.fusedWidth());
    }
    if (projection.norms().isPresent()) {
      RotaryProjection.HeadNorms norms = projection.norms().get();
      device.tensor(op, "norms.query", norms.query(), DType.F32, 1, shape.headDim());
      device.tensor(op, "norms.key", norms.key(), DType.F32, 1, shape.headDim());
    }
  }

  private void toPages(
      Tensor fused,
      RotaryProjection projection,
      Optional<RotaryTables.Table> table,
      int rows,
      int[] places,
      long layerOffset) {
    rotaryPages.run(
        fused,
        rows,
        projection,
        positions.upload(places, rows),
        table,
        layout,
        layerOffset,
        device.computeType());
  }

  /** As {@link CudaDevice#rotaryPages}. */
  void rotaryPages(Tensor fused, RotaryProjection projection, RowSpans spans, int[] places) {
    String op = "rotaryPages";
    unpaged(op, spans);
    HeadShape shape = projection.shape();
    int rows = spans.rows();
    device.tensor(op, "fused", fused, DType.F32, rows, shape.fusedWidth());
    projectionTensors(op, projection);
    Optional<RotaryTables.Table> table = rotation(op, rows, shape, projection.rope(), places);
    long layerOffset = lay(shape, spans, places, Optional.empty(), 0);
    toPages(fused, projection, table, rows, places, layerOffset);
  }
}
