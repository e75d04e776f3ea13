/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The one seam between networks and hardware: every backend implements these ops on its own memory,
 * and network code is written once against them.
 *
 * <p>Shapes are {@code [rows][width]}; {@code rows} arguments say how many rows of a tensor are in
 * use. A device is driven by one thread at a time (the scheduler's) and parallelises inside. Every
 * op gives the same bits for a row whatever other rows are in the batch and however many threads
 * work.
 *
 * <p>All ops check shapes and throw {@link IllegalArgumentException} naming the op and what was
 * found.
 */
public interface Device extends LatentOps, AutoCloseable {
  /**
   * For people and logs, e.g. {@code cpu, 2 threads, bf16 by oneDNN 3.13 (avx512_core_bf16), Vector
   * API 512 bits}.
   */
  String describe();

  /** What matrix products read: {@link DType#F32} or {@link DType#BF16} (sums are always f32). */
  DType computeType();

  /** A zeroed tensor in device memory, freed by {@link #free} or with the device. */
  Tensor allocate(DType dtype, int rows, int width);

  /** Gives a tensor's memory back; the tensor must not be used again. */
  void free(Tensor tensor);

  /**
   * Packs the projections {@code parts}, each {@code [out_i, in]} with the same {@code in}, as one
   * linear map whose output row is their outputs side by side. Reads any weight dtype; the views
   * may be closed afterwards.
   */
  PackedLinear pack(WeightView... parts);

  /**
   * Packs a gate and an up projection, each {@code [ffn, in]}, for {@link #gatedSilu}.
   *
   * @return a map with {@code outFeatures() == ffn}
   */
  PackedLinear packGated(WeightView gate, WeightView up);

  /**
   * Uses {@code weights} {@code [vocabulary, width]} as embeddings; the view must stay open with
   * the device.
   */
  EmbeddingTable table(WeightView weights);

  /** Copies a vector (norm weight, bias; parts side by side) to the device as one f32 row. */
  Tensor vector(WeightView... parts);

  /**
   * {@code out[i] = table[tokens[i]]} for i &lt; rows; out is f32. Tokens outside the vocabulary
   * are refused by name.
   */
  void embed(EmbeddingTable table, int[] tokens, int rows, Tensor out);

  /**
   * {@code out = x / sqrt(mean(x²) + eps) · weight}, row by row (Zhang and Sennrich, 2019).
   *
   * @param x f32
   * @param out f32, or {@link #computeType}
   */
  void rmsNorm(Tensor x, int rows, Tensor weight, float eps, Tensor out);

  /** As {@link #rmsNorm} for chosen rows: {@code out[i] = norm(x[index[i]])} for i &lt; count. */
  void rmsNormRows(Tensor x, int[] index, int count, Tensor weight, float eps, Tensor out);

  /**
   * {@code out = x · Wᵀ}.
   *
   * @param x of {@link #computeType}
   * @param out f32
   */
  void linear(Tensor x, int rows, PackedLinear weights, Tensor out);

  /** {@code out = x · Wᵀ + bias}; {@code bias} is one f32 row. */
  void linear(Tensor x, int rows, PackedLinear weights, Tensor bias, Tensor out);

  /** {@code x[i] += bias} for i &lt; rows; both f32, {@code bias} one row. */
  void addBias(Tensor x, int rows, Tensor bias);

  /** {@code accumulator += x · Wᵀ}; accumulator is f32. */
  void linearAdd(Tensor x, int rows, PackedLinear weights, Tensor accumulator);

  /**
   * A block's output projection up to the next norm: {@code accumulator += x · Wᵀ}, then {@code +=
   * bias} where there is one, then {@code out = norm(accumulator)}; the bits of {@link #linearAdd},
   * {@link #addBias} and {@link #rmsNorm} after each other.
   *
   * @param x of {@link #computeType}; not {@code out}
   * @param bias one f32 row
   * @param accumulator f32
   * @param norm weight of the norm, one f32 row
   * @param out f32, or {@link #computeType}
   */
  default void linearAddNorm(
      Tensor x,
      int rows,
      PackedLinear weights,
      Optional<Tensor> bias,
      Tensor accumulator,
      Tensor norm,
      float eps,
      Tensor out) {
    linearAdd(x, rows, weights, accumulator);
    if (bias.isPresent()) {
      addBias(accumulator, rows, bias.get());
    }
    rmsNorm(accumulator, rows, norm, eps, out);
  }

  /**
   * {@code out = silu(x · Gᵀ) · (x · Uᵀ)} with weights from {@link #packGated} (SwiGLU; Shazeer,
   * 2020).
   *
   * @param out {@link #computeType} {@code [rows][ffn]}
   */
  void gatedSilu(Tensor x, int rows, PackedLinear gateUp, Tensor out);

  /**
   * RMS norm of each query and key head of fused rows, in place (qk-norm, as in Qwen3): weights are
   * one f32 row of {@code headDim}.
   */
  void headNorm(
      Tensor fused, int rows, HeadShape shape, Tensor queryWeight, Tensor keyWeight, float eps);

  /**
   * Turns the query and key heads of fused rows in place; {@code positions[row]} is the row's place
   * in its sequence.
   */
  void rotate(Tensor fused, int rows, HeadShape shape, Rope rope, int[] positions);

  /**
   * Softmax attention within each sequence of the batch, scale {@code 1/sqrt(headDim)}. A device
   * whose {@link #computeType} is bf16 may round queries, keys, values and the numerators of the
   * softmax to it; sums and the softmax are f32.
   *
   * @param fused f32 {@code [rows][shape.fusedWidth()]}
   * @param out {@link #computeType} {@code [rows][shape.queryWidth()]}
   */
  void attention(Tensor fused, HeadShape shape, RowSpans spans, AttentionMask mask, Tensor out);

  /**
   * An empty store for the keys and values of {@code layers} attention layers; takes memory as it
   * {@link KvStore#grow grows}, and gives it back when closed or with the device.
   *
   * @param maxBytes most memory it may ever take; less than a page leaves it without any
   * @throws IllegalArgumentException if there are no layers, or {@code maxBytes} is negative
   */
  KvStore keyValues(int layers, HeadShape shape, long maxBytes);

  /**
   * As {@link #attention(Tensor, HeadShape, RowSpans, AttentionMask, Tensor)} for a batch in which
   * some sequences are paged. First each row of those stores its key and value at its position of
   * {@code layer}; then its query attends to all positions of its sequence that the mask lets it
   * see, those of other rows as they were stored last. A row has the bits that it would have in a
   * batch that held those same keys and values as rows.
   *
   * <p>Every visible position of a paged sequence must have been stored by then, and no page may
   * belong to two sequences of the batch.
   *
   * @param positions of each row in its sequence, ascending within a sequence; 0, 1, … where it is
   *     not paged
   */
  void attention(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out);

  /**
   * From normalised rows to what their heads attended to: {@link #linear}, {@link #headNorm},
   * {@link #rotate} and {@link #attention(Tensor, HeadShape, RowSpans, AttentionMask, Tensor)}
   * after each other, with their bits, in as few passes as the device can.
   *
   * @param x {@link #computeType} {@code [rows][in]}
   * @param fused f32 {@code [rows][fusedWidth]} for what lies between; its contents afterwards are
   *     the device's affair
   * @param positions that rows turn by
   * @param out {@link #computeType} {@code [rows][queryWidth]}
   */
  default void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      Tensor out) {
    project(x, projection, fused, spans.rows(), positions);
    attention(fused, projection.shape(), spans, mask, out);
  }

  /**
   * As above for a batch in which some sequences are paged, by {@link #attention(Tensor, HeadShape,
   * RowSpans, int[], AttentionMask, KvStore, int, Tensor)}.
   */
  default void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    project(x, projection, fused, spans.rows(), positions);
    attention(fused, projection.shape(), spans, positions, mask, store, layer, out);
  }

  private void project(
      Tensor x, RotaryProjection projection, Tensor fused, int rows, int[] positions) {
    if (projection.bias().isPresent()) {
      linear(x, rows, projection.weights(), projection.bias().get(), fused);
    } else {
      linear(x, rows, projection.weights(), fused);
    }
    if (projection.norms().isPresent()) {
      RotaryProjection.HeadNorms norms = projection.norms().get();
      headNorm(fused, rows, projection.shape(), norms.query(), norms.key(), norms.eps());
    }
    rotate(fused, rows, projection.shape(), projection.rope(), positions);
  }

  /**
   * The vocabulary head and the sampler in one: predicts each entry of {@code wanted} from {@code
   * hidden · Wᵀ} without ever holding more than a tile of rows of logits.
   *
   * @param hidden {@link #computeType} {@code [rows][width]}, normalised; row indices of {@code
   *     wanted} refer to it
   */
  void predict(Tensor hidden, int rows, PackedLinear head, PredictionRows wanted, Predictions out);

  /** All logits: {@code out[rows][vocabulary]} as float32 in host memory, for tests and tools. */
  void logits(Tensor hidden, int rows, PackedLinear head, MemorySegment out);

  /** Repeats steps of masked diffusion by itself, where the device can do that; else nothing. */
  default Optional<BlockLoop> blockLoop() {
    return Optional.empty();
  }

  /** Frees everything; idempotent. */
  @Override
  void close();
}
