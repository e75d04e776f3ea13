/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The layers that VQ-VAE and denoiser share. Rows are [batch, length, channels].
 *
 * @param bf16 whether matrices are multiplied in bfloat16
 */
final class Layers implements AutoCloseable {
  /** Cosines and signed sines of the half-split rotation, [length, 1, headSize] each. */
  private record Rotation(Tensor cos, Tensor sin) {}

  private final boolean bf16;
  private final Map<Long, Rotation> rotations = new HashMap<>();

  Layers(boolean bf16) {
    this.bf16 = bf16;
  }

  boolean bf16() {
    return bf16;
  }

  /** {@code x · weightᵀ}; bfloat16 when matrices are multiplied in it. */
  Tensor linear(Tensor x, Tensor weight) {
    return torch.linear(multiplied(x), multiplied(weight));
  }

  /** The tensor in the type that matrices are multiplied in. */
  Tensor multiplied(Tensor x) {
    return bf16 ? x.to(torch.ScalarType.BFloat16) : x;
  }

  static Tensor f32(Tensor x) {
    return x.to(torch.ScalarType.Float);
  }

  static Tensor cat(long dim, Tensor... parts) {
    return torch.cat(new TensorVector(parts), dim);
  }

  /** RMS norm over the last dimension, without weights. */
  static Tensor rmsNorm(Tensor x) {
    return torch.rms_norm(
        x,
        new long[] {x.size(x.dim() - 1)},
        new TensorOptional(),
        new DoubleOptional(AutoencoderShape.NORM_EPSILON));
  }

  /** RMS norm over the last dimension, with weights. */
  static Tensor rmsNorm(Tensor x, Tensor weight) {
    return torch.rms_norm(
        x,
        new long[] {x.size(x.dim() - 1)},
        new TensorOptional(weight),
        new DoubleOptional(AutoencoderShape.NORM_EPSILON));
  }

  /** Group norm of every position on its own, without weights. */
  static Tensor groupNorm(Tensor x, int groups) {
    long batch = x.size(0);
    long length = x.size(1);
    long channels = x.size(2);
    return torch
        .layer_norm(
            x.view(batch, length, groups, channels / groups),
            new long[] {channels / groups},
            new TensorOptional(),
            new TensorOptional(),
            AutoencoderShape.NORM_EPSILON,
            false)
        .view(batch, length, channels);
  }

  /** Each position beside its neighbours, [previous ; own ; next]; zeros outside the sequence. */
  static Tensor shift3(Tensor y) {
    long length = y.size(1);
    Tensor padded = torch.constant_pad_nd(y, 0, 0, 1, 1);
    return cat(2, padded.narrow(1, 0, length), y, padded.narrow(1, 2, length));
  }

  /**
   * Full attention with rotary positions.
   *
   * @param qkv [batch, length, 3 · heads · headSize]
   * @param headNorm whether query and key of every head are normalised
   * @param qNorm weights of the query's norm, read if {@code headNorm}
   * @param kNorm weights of the key's norm, read if {@code headNorm}
   * @return [batch, length, heads · headSize]
   */
  Tensor attention(Tensor qkv, int heads, boolean headNorm, Tensor qNorm, Tensor kNorm) {
    long batch = qkv.size(0);
    long length = qkv.size(1);
    long size = qkv.size(2) / 3 / heads;
    TensorVector parts = qkv.split(new long[] {2 * heads * size, heads * size}, 2);
    Tensor qk = f32(parts.get(0).reshape(batch, length, 2, heads, size));
    Rotation turn = rotation(length, size);
    // Weights and scale go into the table of the rotation, which is much smaller than the rows.
    double scale = bf16 ? 1 / Math.sqrt(size) : 1;
    Tensor weights =
        headNorm
            ? cat(0, qNorm.mul(scalar(scale)), kNorm)
            : cat(0, torch.full(new long[] {size}, scalar(scale)), torch.ones(size));
    weights = weights.view(1, 2, 1, size);
    Tensor cos = turn.cos().mul(weights);
    Tensor sin = turn.sin().mul(weights.roll(new long[] {size / 2}, -1));
    if (headNorm) {
      qk = rmsNorm(qk);
    }
    Tensor turned =
        multiplied(torch.addcmul(qk.mul(cos), qk.roll(new long[] {size / 2}, -1), sin))
            .transpose(1, 3);
    TensorVector queryKey = turned.unbind(2);
    Tensor q = queryKey.get(0);
    Tensor k = queryKey.get(1);
    Tensor v = parts.get(1).reshape(batch, length, heads, size).transpose(1, 2);
    // libtorch's fused attention has no fast product in bfloat16.
    Tensor mixed =
        bf16
            ? torch.softmax(q.matmul(k.transpose(2, 3)), 3).matmul(v)
            : torch.scaled_dot_product_attention(q, k, v);
    return mixed.transpose(1, 2).reshape(batch, length, heads * size);
  }

  private Rotation rotation(long length, long size) {
    return rotations.computeIfAbsent(
        length << 20 | size,
        _ -> {
          int half = (int) size / 2;
          float[] cos = new float[(int) (length * size)];
          float[] sin = new float[cos.length];
          for (int p = 0; p < length; p++) {
            for (int i = 0; i < half; i++) {
              double angle = p * Math.pow(AutoencoderShape.ROPE_THETA, -2.0 * i / size);
              int at = (int) (p * size) + i;
              cos[at] = (float) Math.cos(angle);
              cos[at + half] = cos[at];
              // Turned by half a head, a row's second half meets the first one's sine.
              sin[at] = (float) -Math.sin(angle);
              sin[at + half] = (float) Math.sin(angle);
            }
          }
          return new Rotation(
              FlatParameters.persistent(Tensor.create(cos, length, 1, 1, size)),
              FlatParameters.persistent(Tensor.create(sin, length, 1, 1, size)));
        });
  }

  /** {@code down(silu(gate) · up)} of rows [.., hidden]; gate and up are one matrix. */
  Tensor feedForward(Tensor x, Tensor gateUp, Tensor down) {
    Tensor both = linear(x, gateUp);
    long width = both.size(both.dim() - 1) / 2;
    return linear(torch.silu(both.narrow(-1, 0, width)).mul(both.narrow(-1, width, width)), down);
  }

  /** Every second row from a start on, {@code count} of them. */
  static Tensor everySecond(Tensor x, long start, long count) {
    return x.slice(1, new LongOptional(start), new LongOptional(start + 2 * count - 1), 2);
  }

  static Scalar scalar(double value) {
    return new Scalar(value);
  }

  @Override
  public void close() {
    for (Rotation r : rotations.values()) {
      r.cos().close();
      r.sin().close();
    }
  }
}
