/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The latent denoiser: a one-dimensional U-Net whose levels are transformer blocks, each with a
 * convolution before its attention, all modulated by the time of every position (adaptive norms of
 * DiT, Peebles and Xie 2023, arXiv 2212.09748).
 */
final class HybridNetwork implements AutoCloseable {
  private final HybridShape shape;
  private final FlatParameters parameters;
  private final Layers layers;

  /** A network with drawn weights. */
  HybridNetwork(HybridShape shape, long seed, boolean bf16, boolean trainable) {
    this.shape = shape;
    parameters = new FlatParameters(layout(shape), seed, trainable);
    layers = new Layers(bf16);
    if (shape.half() > 0) {
      parameters
          .get("pool.taps")
          .detach()
          .view(4, shape.hidden())
          .narrow(0, 1, 2)
          .fill_(Layers.scalar(0.5));
    }
  }

  private HybridNetwork(HybridNetwork twin) {
    shape = twin.shape;
    parameters = twin.parameters.twin();
    layers = new Layers(twin.layers.bf16());
  }

  /** The same weights for another thread; to be closed before this one. */
  HybridNetwork twin() {
    return new HybridNetwork(this);
  }

  static List<FlatParameters.Slot> layout(HybridShape s) {
    FlatParameters.Layout layout = new FlatParameters.Layout();
    layout.matrix("in", s.hidden(), 2L * s.latent().latent(), 1);
    layout.matrix("state", NoiseState.values().length, s.hidden(), 0.3 * Math.sqrt(s.hidden()));
    layout.matrix("time.gate", s.timeHidden(), s.timeFeatures(), 1);
    layout.matrix("time.up", s.timeHidden(), s.timeFeatures(), 1);
    layout.matrix("modulation.weight", s.modulation(), s.timeHidden(), 0);
    layout.vector("modulation.bias", s.modulation(), 0);
    for (int i = 0; i < s.before(); i++) {
      block(layout, "before." + i + ".", s.hidden(), s.heads(), s.ffn());
    }
    if (s.half() > 0) {
      layout.matrix("pool.out", s.halfHidden(), s.hidden(), 1);
      layout.vector("pool.taps", 4L * s.hidden(), 0);
      for (int i = 0; i < s.half(); i++) {
        block(layout, "half." + i + ".", s.halfHidden(), s.halfHeads(), s.halfFfn());
      }
      layout.matrix("unpool.in", s.hidden(), s.halfHidden(), 1);
      layout.vector("unpool.norm", s.halfHidden(), 1);
      layout.vector("unpool.gate", s.hidden(), 0);
    }
    for (int i = 0; i < s.after(); i++) {
      block(layout, "after." + i + ".", s.hidden(), s.heads(), s.ffn());
    }
    layout.matrix("out", s.outputs(), s.hidden(), 0);
    return layout.slots();
  }

  private static void block(
      FlatParameters.Layout layout, String at, int hidden, int heads, int ffn) {
    layout.matrix(at + "conv", hidden, 3L * hidden, 1);
    layout.matrix(at + "qkv", 3L * hidden, hidden, 1);
    layout.matrix(at + "o", hidden, hidden, 1);
    layout.matrix(at + "gate_up", 2L * ffn, hidden, 1);
    layout.matrix(at + "down", hidden, ffn, 1);
    layout.vector(at + "q_norm", hidden / heads, 1);
    layout.vector(at + "k_norm", hidden / heads, 1);
  }

  HybridShape shape() {
    return shape;
  }

  FlatParameters parameters() {
    return parameters;
  }

  /**
   * Logits of the codes and the quality, at chosen positions.
   *
   * @param z [batch, length, latent] noisy latents
   * @param known [batch, length, latent] the last prediction, zeros if there is none
   * @param states [batch · length] ordinals of {@link NoiseState}
   * @param positions int64, indices into batch · length
   * @return [positions, groups · codes + 1] float32
   */
  Tensor logits(Tensor z, Tensor known, int[] states, Times times, Tensor positions) {
    int batch = times.batch();
    long length = times.length();
    Tensor x =
        Layers.f32(layers.linear(Layers.cat(2, z, known), parameters.get("in")))
            .add(
                torch
                    .embedding(parameters.get("state"), Tensor.create(states))
                    .view(batch, length, shape.hidden()));
    Tensor table = modulations(times);
    Tensor full = times.fullTensor();
    int column = 0;
    int width = 9 * shape.hidden();
    for (int i = 0; i < shape.before(); i++, column += width) {
      x = block(x, "before." + i + ".", rows(full, table, column, width), shape.heads());
    }
    if (shape.half() > 0) {
      int halfWidth = 9 * shape.halfHidden();
      Tensor pairs = times.pairsTensor();
      Tensor h = pool(x);
      for (int i = 0; i < shape.half(); i++, column += halfWidth) {
        h = block(h, "half." + i + ".", rows(pairs, table, column, halfWidth), shape.halfHeads());
      }
      x = unpool(x, h);
    }
    for (int i = 0; i < shape.after(); i++, column += width) {
      x = block(x, "after." + i + ".", rows(full, table, column, width), shape.heads());
    }
    Tensor last = rows(full, table, column, 2 * shape.hidden());
    Tensor y =
        chosen(
            modulated(Layers.rmsNorm(x), last.split(shape.hidden(), 2), 0),
            positions,
            shape.hidden());
    return Layers.f32(layers.linear(y, parameters.get("out")));
  }

  private static Tensor chosen(Tensor rows, Tensor positions, long width) {
    return rows.reshape(-1, width).index_select(0, positions);
  }

  /** The modulation rows of the distinct times [batch, kinds, columns], scales raised by one. */
  private Tensor modulations(Times times) {
    Tensor f = times.features(shape.timeFeatures());
    Tensor u =
        torch
            .silu(torch.linear(f, parameters.get("time.gate")))
            .mul(torch.linear(f, parameters.get("time.up")));
    return torch
        .linear(
            u,
            parameters.get("modulation.weight"),
            new org.bytedeco.pytorch.TensorOptional(parameters.get("modulation.bias")))
        .view(times.batch(), times.kinds(), shape.modulation());
  }

  /** The columns of some rows' modulations: those of the first time, and how others differ. */
  private static Tensor rows(Tensor oneHot, Tensor table, int column, int width) {
    Tensor columns = table.narrow(2, column, width);
    Tensor first = columns.narrow(1, 0, 1);
    Tensor rows = first;
    for (long kind = 1; kind < table.size(1); kind++) {
      rows = torch.addcmul(rows, oneHot.narrow(2, kind, 1), columns.narrow(1, kind, 1).sub(first));
    }
    return rows;
  }

  private Tensor block(Tensor x, String at, Tensor modulation, int heads) {
    // Split at once: the gradient of each narrow piece alone would be as wide as the whole.
    TensorVector mod = modulation.split(x.size(2), 2);
    Tensor y = torch.silu(modulated(Layers.groupNorm(x, shape.latent().normGroups()), mod, 0));
    Tensor mixed = layers.linear(Layers.shift3(layers.multiplied(y)), parameters.get(at + "conv"));
    x = gated(x, mixed, mod.get(2));
    y = modulated(Layers.rmsNorm(x), mod, 3);
    mixed =
        layers.attention(
            layers.linear(y, parameters.get(at + "qkv")),
            heads,
            true,
            parameters.get(at + "q_norm"),
            parameters.get(at + "k_norm"));
    x = gated(x, layers.linear(mixed, parameters.get(at + "o")), mod.get(5));
    y = modulated(Layers.rmsNorm(x), mod, 6);
    mixed = layers.feedForward(y, parameters.get(at + "gate_up"), parameters.get(at + "down"));
    return gated(x, mixed, mod.get(8));
  }

  /** {@code x · (1 + scale) + shift}, shift standing after scale. */
  private static Tensor modulated(Tensor x, TensorVector mod, long scale) {
    return torch.addcmul(x, x, mod.get(scale)).add(mod.get(scale + 1));
  }

  private static Tensor gated(Tensor x, Tensor y, Tensor gate) {
    return torch.addcmul(x, Layers.f32(y), gate);
  }

  private Tensor pool(Tensor x) {
    long half = (x.size(1) + 1) / 2;
    Tensor padded = torch.constant_pad_nd(x, 0, 0, 1, 3);
    Tensor taps = parameters.get("pool.taps").view(4, shape.hidden());
    Tensor p = Layers.everySecond(padded, 0, half).mul(taps.select(0, 0));
    for (int k = 1; k < 4; k++) {
      p = torch.addcmul(p, Layers.everySecond(padded, k, half), taps.select(0, k));
    }
    return Layers.f32(layers.linear(p, parameters.get("pool.out")));
  }

  private Tensor unpool(Tensor x, Tensor h) {
    long batch = x.size(0);
    long length = x.size(1);
    long half = h.size(1);
    Tensor wide =
        Layers.f32(
            layers.linear(
                Layers.rmsNorm(h, parameters.get("unpool.norm")), parameters.get("unpool.in")));
    Tensor doubled =
        wide.unsqueeze(2)
            .expand(batch, half, 2, shape.hidden())
            .reshape(batch, 2 * half, shape.hidden())
            .narrow(1, 0, length);
    return torch.addcmul(x, doubled, parameters.get("unpool.gate"));
  }

  /**
   * The expected latents of logits: every group's codes weighted by their probabilities.
   *
   * @param logits [rows, groups · codes + 1]
   * @param codebook [groups · codes, width]
   * @return [rows, groups · width]
   */
  static Tensor expected(AutoencoderShape shape, Tensor logits, Tensor codebook) {
    int groups = shape.groups();
    Tensor p = torch.softmax(codeLogits(shape, logits), 2).transpose(0, 1);
    return torch
        .bmm(p, codebook.view(groups, shape.codes(), shape.width()))
        .transpose(0, 1)
        .reshape(logits.size(0), shape.latent());
  }

  /** The logits of the codes, [rows, groups, codes]. */
  static Tensor codeLogits(AutoencoderShape shape, Tensor logits) {
    return logits
        .narrow(1, 0, (long) shape.groups() * shape.codes())
        .reshape(logits.size(0), shape.groups(), shape.codes());
  }

  /** The quality logits, [rows]. */
  static Tensor quality(AutoencoderShape shape, Tensor logits) {
    return logits.select(1, (long) shape.groups() * shape.codes());
  }

  @Override
  public void close() {
    layers.close();
    parameters.close();
  }
}
