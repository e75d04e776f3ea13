/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * LLaDA's transformer in libtorch: RMSNorm, rotary full attention, SiLU-gated feed-forward, no
 * biases, the head tied to the embedding (Nie et al. 2025, arXiv 2502.09992).
 *
 * <p>A causal shape makes it an autoregressive transformer: the same but for who sees whom.
 *
 * <p>All parameters live in one flat float32 tensor and all gradients in another, and the tensors
 * the network multiplies by are views of them; so the optimiser, the weight average, the gradient
 * norm and a checkpoint each are one operation on one tensor. Query, key and value are one matrix,
 * gate and up another; the exporter splits them.
 *
 * <p>Rotary embedding here turns neighbouring pairs (one complex product), while LLaDA turns
 * half-split pairs: the two differ by an order of the rows of the query and key matrices, and the
 * exporter puts the rows in LLaDA's order.
 */
final class Denoiser implements AutoCloseable {
  /** One tensor of the network inside the flat one. */
  record Slot(String name, long offset, long rows, long columns) {
    long size() {
      return rows * columns;
    }
  }

  private final DenoiserShape shape;
  private final List<Slot> slots;
  private final Tensor flat;
  private final boolean ownsFlat;
  private final Tensor gradient;
  private final List<Tensor> views = new ArrayList<>();
  private final Tensor rotation;
  private final boolean bf16;

  /**
   * Draws the weights: normal with deviation 0.02, the two matrices that write to the residual
   * stream divided by sqrt(2 · layers), norms at one.
   *
   * @param bf16 multiply matrices in bfloat16 (weights and sums stay float32)
   */
  Denoiser(DenoiserShape shape, long seed, boolean bf16) {
    this.shape = shape;
    this.bf16 = bf16;
    this.slots = layout(shape);
    Slot last = slots.getLast();
    int size = Math.toIntExact(last.offset() + last.size());
    float[] values = new float[size];
    SplittableRandom random = new SplittableRandom(seed);
    double residual = 1 / Math.sqrt(2.0 * shape.layers());
    for (Slot slot : slots) {
      boolean norm = slot.rows() == 1;
      boolean output = slot.name().endsWith("attn_out") || slot.name().endsWith("ff_out");
      double deviation = output ? 0.02 * residual : 0.02;
      for (long i = slot.offset(); i < slot.offset() + slot.size(); i++) {
        values[(int) i] = norm ? 1 : (float) (random.nextGaussian() * deviation);
      }
    }
    flat = persistent(Tensor.create(values, size));
    ownsFlat = true;
    gradient = persistent(torch.zeros(size));
    addViews();
    rotation = persistent(rotation(shape));
  }

  private Denoiser(Denoiser twin) {
    shape = twin.shape;
    bf16 = twin.bf16;
    slots = twin.slots;
    flat = twin.flat;
    ownsFlat = false;
    gradient = persistent(torch.zeros(parameters()));
    addViews();
    rotation = persistent(rotation(shape));
  }

  /**
   * A network with the same weights, in the same memory, and a gradient of its own, so that another
   * thread can work on another part of a batch. To be closed before this one.
   */
  Denoiser twin() {
    return new Denoiser(this);
  }

  private void addViews() {
    for (Slot slot : slots) {
      long[] dims = slot.rows() == 1 ? new long[] {slot.columns()} : dims(slot);
      Tensor view = persistent(flat.narrow(0, slot.offset(), slot.size()).view(dims).detach());
      view.requires_grad_(true);
      view.mutable_grad().put(gradient.narrow(0, slot.offset(), slot.size()).view(dims));
      views.add(view);
    }
  }

  private static long[] dims(Slot slot) {
    return new long[] {slot.rows(), slot.columns()};
  }

  private static Tensor persistent(Tensor tensor) {
    // Kept out of the scope of a training step, which frees what the step made.
    tensor.retainReference();
    return tensor;
  }

  private static Tensor rotation(DenoiserShape shape) {
    int half = shape.headSize() / 2;
    float[] cosSin = new float[shape.length() * half * 2];
    for (int p = 0; p < shape.length(); p++) {
      for (int i = 0; i < half; i++) {
        double angle = p * Math.pow(DenoiserShape.ROPE_THETA, -2.0 * i / shape.headSize());
        cosSin[(p * half + i) * 2] = (float) Math.cos(angle);
        cosSin[(p * half + i) * 2 + 1] = (float) Math.sin(angle);
      }
    }
    return torch.view_as_complex(Tensor.create(cosSin, 1, shape.length(), 1, half, 2));
  }

  /** Matrices first, so that weight decay is one slice; then the norms. */
  static List<Slot> layout(DenoiserShape s) {
    List<Slot> slots = new ArrayList<>();
    long at = 0;
    at = add(slots, at, "wte", s.vocabulary(), s.hidden());
    for (int i = 0; i < s.layers(); i++) {
      at = add(slots, at, "blocks." + i + ".qkv", 3L * s.hidden(), s.hidden());
      at = add(slots, at, "blocks." + i + ".attn_out", s.hidden(), s.hidden());
      at = add(slots, at, "blocks." + i + ".gate_up", 2L * s.ffn(), s.hidden());
      at = add(slots, at, "blocks." + i + ".ff_out", s.hidden(), s.ffn());
    }
    for (int i = 0; i < s.layers(); i++) {
      at = add(slots, at, "blocks." + i + ".attn_norm", 1, s.hidden());
      at = add(slots, at, "blocks." + i + ".ff_norm", 1, s.hidden());
    }
    add(slots, at, "ln_f", 1, s.hidden());
    return List.copyOf(slots);
  }

  private static long add(List<Slot> slots, long at, String name, long rows, long columns) {
    slots.add(new Slot(name, at, rows, columns));
    return at + rows * columns;
  }

  DenoiserShape shape() {
    return shape;
  }

  List<Slot> slots() {
    return slots;
  }

  /** Every parameter, float32 [parameters]; changing it changes the network. */
  Tensor flat() {
    return flat;
  }

  /** Every gradient, in the order of {@link #flat}; a backward pass adds to it. */
  Tensor gradient() {
    return gradient;
  }

  /** How many of the first numbers of {@link #flat} belong to matrices. */
  long matrixParameters() {
    return slots.stream().filter(s -> s.rows() > 1).mapToLong(Slot::size).sum();
  }

  /** Number of trainable numbers. */
  long parameters() {
    return slots.getLast().offset() + slots.getLast().size();
  }

  /** Overwrites all parameters. */
  void load(float[] values) {
    fill(flat, values);
  }

  static void fill(Tensor tensor, float[] values) {
    FloatBuffer buffer = tensor.createBuffer();
    if (buffer.remaining() != values.length) {
      throw new IllegalArgumentException(
          values.length + " numbers do not fit a tensor of " + buffer.remaining());
    }
    buffer.put(values);
  }

  /** A copy of all parameters. */
  float[] values() {
    return copy(flat);
  }

  static float[] copy(Tensor tensor) {
    FloatBuffer buffer = tensor.createBuffer();
    float[] values = new float[buffer.remaining()];
    buffer.get(values);
    return values;
  }

  /**
   * Logits at chosen positions.
   *
   * @param ids token ids, row after row, of {@code batch} rows of equal length
   * @param positions indices into {@code ids}
   * @return [positions, vocabulary] float32
   */
  Tensor logits(int[] ids, int batch, int[] positions) {
    int length = ids.length / batch;
    if (length > shape.length()) {
      throw new IllegalArgumentException(
          "a row of " + length + " tokens is longer than the network's " + shape.length());
    }
    Tensor wte = views.getFirst();
    Tensor x = torch.embedding(wte, Tensor.create(ids)).view(batch, length, shape.hidden());
    Tensor turn = rotation.narrow(1, 0, length);
    int norms = 1 + 4 * shape.layers();
    for (int i = 0; i < shape.layers(); i++) {
      int at = 1 + 4 * i;
      x = x.add(attention(norm(x, norms + 2 * i), at, batch, length, turn));
      x = x.add(feedForward(norm(x, norms + 2 * i + 1), at));
    }
    Tensor chosen = x.view(-1, shape.hidden()).index_select(0, Tensor.create(positions));
    return linear(norm(chosen, views.size() - 1), wte);
  }

  private Tensor norm(Tensor x, int index) {
    return torch.rms_norm(
        x,
        new long[] {shape.hidden()},
        new TensorOptional(views.get(index)),
        new DoubleOptional(DenoiserShape.NORM_EPSILON));
  }

  private Tensor attention(Tensor x, int at, int batch, int length, Tensor turn) {
    int heads = shape.heads();
    int size = shape.headSize();
    Tensor qkv = linear(x, views.get(at)).view(batch, length, 3L * heads, size);
    Tensor qk = qkv.narrow(2, 0, 2L * heads).reshape(batch, length, 2L * heads, size / 2, 2);
    Tensor turned =
        torch
            .view_as_real(torch.view_as_complex(qk).mul(turn))
            .view(batch, length, 2L * heads, size)
            .transpose(1, 2);
    Tensor q = turned.narrow(1, 0, heads);
    Tensor k = turned.narrow(1, heads, heads);
    Tensor v = qkv.narrow(2, 2L * heads, heads).transpose(1, 2);
    Tensor mixed =
        torch
            .scaled_dot_product_attention(
                q, k, v, new TensorOptional(), 0, shape.causal(), new DoubleOptional(), false)
            .transpose(1, 2)
            .reshape(batch, length, shape.hidden());
    return linear(mixed, views.get(at + 1));
  }

  private Tensor feedForward(Tensor x, int at) {
    Tensor gateUp = linear(x, views.get(at + 2));
    Tensor gate = gateUp.narrow(-1, 0, shape.ffn());
    Tensor up = gateUp.narrow(-1, shape.ffn(), shape.ffn());
    return linear(torch.silu(gate).mul(up), views.get(at + 3));
  }

  private Tensor linear(Tensor x, Tensor weight) {
    if (!bf16) {
      return torch.linear(x, weight);
    }
    return torch
        .linear(x.to(torch.ScalarType.BFloat16), weight.to(torch.ScalarType.BFloat16))
        .to(torch.ScalarType.Float);
  }

  /** Closes what the forward passes need; the network is not to be used after it. */
  @Override
  public void close() {
    views.forEach(Tensor::close);
    rotation.close();
    gradient.close();
    if (ownsFlat) {
      flat.close();
    }
  }
}
