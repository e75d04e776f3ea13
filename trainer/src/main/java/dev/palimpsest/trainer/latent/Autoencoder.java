/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The VQ-VAE: tokens to product codes and back (van den Oord et al. 2017, arXiv 1711.00937), with
 * codes of one length compared by their angle.
 *
 * <p>The encoder is a few convolutions over three positions. A position that is unknown shows its
 * neighbours nothing, and its norms are of a position alone, so the codes of what is known depend
 * neither on what is to be written nor on the length of the text. The decoder is a transformer that
 * sees all positions and can mend a wrong code from the others.
 */
final class Autoencoder implements AutoCloseable {
  /**
   * A token's logit is the width times this where its own codes stand, half where one of two does.
   */
  private static final double HEAD_SCALE = 0.25;

  private final AutoencoderShape shape;
  private final FlatParameters parameters;
  private final Layers layers;
  private final Tensor codebook;
  private final boolean ownsCodebook;

  /** A VQ-VAE with drawn weights; its codebook is zero until it is set. */
  Autoencoder(AutoencoderShape shape, long seed, boolean bf16, boolean trainable) {
    this.shape = shape;
    parameters = new FlatParameters(layout(shape), seed, trainable);
    layers = new Layers(bf16);
    codebook =
        FlatParameters.persistent(
            torch.zeros((long) shape.groups() * shape.codes(), shape.width()));
    ownsCodebook = true;
  }

  private Autoencoder(Autoencoder twin) {
    shape = twin.shape;
    parameters = twin.parameters.twin();
    layers = new Layers(twin.layers.bf16());
    codebook = twin.codebook;
    ownsCodebook = false;
  }

  /** The same weights for another thread; to be closed before this one. */
  Autoencoder twin() {
    return new Autoencoder(this);
  }

  static List<FlatParameters.Slot> layout(AutoencoderShape s) {
    int h = s.hidden();
    FlatParameters.Layout layout = new FlatParameters.Layout();
    layout.matrix("encoder.embedding", s.vocabulary(), h, 0.2 * Math.sqrt(h));
    for (int i = 0; i < s.encoderLayers(); i++) {
      layout.matrix("encoder.layers." + i + ".conv", h, 3L * h, 0.1);
    }
    layout.matrix("encoder.out", s.latent(), h, 1);
    layout.matrix("decoder.in", h, s.latent(), 1);
    double residual = 1 / Math.sqrt(2.0 * s.decoderLayers());
    for (int i = 0; i < s.decoderLayers(); i++) {
      String at = "decoder.layers." + i + ".";
      layout.matrix(at + "qkv", 3L * h, h, 1);
      layout.matrix(at + "o", h, h, residual);
      layout.matrix(at + "gate_up", 2L * s.ffn(), h, 1);
      layout.matrix(at + "down", h, s.ffn(), residual);
      layout.vector(at + "attention_norm", h, 1);
      layout.vector(at + "ffn_norm", h, 1);
    }
    layout.matrix("decoder.head", s.vocabulary(), h, 1);
    layout.vector("decoder.norm", h, 1);
    return layout.slots();
  }

  AutoencoderShape shape() {
    return shape;
  }

  FlatParameters parameters() {
    return parameters;
  }

  /** All groups' codes, float32 [groups · codes, width], each of length sqrt(width). */
  Tensor codebook() {
    return codebook;
  }

  /**
   * Encoded positions before they become codes, each group's of length sqrt(width).
   *
   * @param ids [batch · length]
   * @param known 1 where a position may be seen by others, 0 where not, [batch · length]
   * @return [batch, length, groups, width] float32
   */
  Tensor encode(int[] ids, float[] known, int batch) {
    long length = ids.length / batch;
    Tensor keep = Tensor.create(known, batch, length, 1);
    Tensor x =
        torch
            .embedding(parameters.get("encoder.embedding"), Tensor.create(ids))
            .view(batch, length, shape.hidden());
    for (int i = 0; i < shape.encoderLayers(); i++) {
      Tensor y = torch.silu(Layers.groupNorm(x, shape.normGroups())).mul(keep);
      Tensor mixed =
          layers.linear(
              Layers.shift3(layers.multiplied(y)), parameters.get("encoder.layers." + i + ".conv"));
      x = x.add(Layers.f32(mixed));
    }
    Tensor e =
        Layers.f32(layers.linear(Layers.rmsNorm(x), parameters.get("encoder.out")))
            .view(batch, length, shape.groups(), shape.width());
    return unit(e);
  }

  /**
   * Makes the encoder give every token the codes of an assignment, whatever stands beside it, and
   * the decoder find the token whose codes are nearest: the encoder's output matrix gets
   * orthonormal rows, the embeddings what these map to the codes, the decoder's input and head the
   * same transposed. The layers between start as if they were not there.
   */
  void begin(CodeAssignment assignment, SplittableRandom random) {
    int h = shape.hidden();
    int latent = shape.latent();
    if (latent > h) {
      throw new IllegalArgumentException(
          "latents of " + latent + " numbers need a VQ width of at least as many; found " + h);
    }
    float[] values = parameters.values();
    double[][] rows = new double[latent][h];
    for (int r = 0; r < latent; r++) {
      for (int c = 0; c < h; c++) {
        rows[r][c] = random.nextGaussian();
      }
      for (int before = 0; before <= r; before++) {
        double product = 0;
        for (int c = 0; c < h; c++) {
          product += rows[r][c] * rows[before][c];
        }
        double length = Math.sqrt(product);
        for (int c = 0; c < h; c++) {
          rows[r][c] = before == r ? rows[r][c] / length : rows[r][c] - product * rows[before][c];
        }
      }
    }
    for (FlatParameters.Slot slot : parameters.slots()) {
      int at = Math.toIntExact(slot.offset());
      if (slot.name().endsWith(".conv")
          || slot.name().endsWith(".o")
          || slot.name().endsWith(".down")) {
        Arrays.fill(values, at, at + Math.toIntExact(slot.size()), 0);
      } else if (slot.name().endsWith("norm")) {
        Arrays.fill(values, at, at + Math.toIntExact(slot.size()), 1);
      } else if (slot.name().equals("decoder.in")) {
        for (int c = 0; c < h; c++) {
          for (int r = 0; r < latent; r++) {
            values[at + c * latent + r] = (float) rows[r][c];
          }
        }
      } else if (slot.name().equals("encoder.out")) {
        for (int r = 0; r < latent; r++) {
          for (int c = 0; c < h; c++) {
            values[at + r * h + c] = (float) rows[r][c];
          }
        }
      } else if (slot.name().equals("encoder.embedding") || slot.name().equals("decoder.head")) {
        boolean head = slot.name().equals("decoder.head");
        double scale = Math.sqrt((double) h / latent) * (head ? HEAD_SCALE : 1);
        for (int token = 0; token < shape.vocabulary(); token++) {
          float[] target = assignment.latent(shape, token);
          for (int c = 0; c < h; c++) {
            double sum = 0;
            for (int r = 0; r < latent; r++) {
              sum += rows[r][c] * target[r];
            }
            values[at + token * h + c] = (float) (sum * scale);
          }
        }
      }
    }
    parameters.load(values);
  }

  /** Vectors of the last dimension at length sqrt(width). */
  static Tensor unit(Tensor e) {
    Tensor length = e.square().sum(new long[] {-1}, true, none()).add_(Layers.scalar(1e-12));
    double width = e.size(e.dim() - 1);
    return e.mul(length.rsqrt().mul(Layers.scalar(Math.sqrt(width))));
  }

  private static org.bytedeco.pytorch.ScalarTypeOptional none() {
    return new org.bytedeco.pytorch.ScalarTypeOptional();
  }

  /**
   * The nearest codes by angle.
   *
   * @param e [.., groups, width]
   * @return [rows, groups] int64, of a group's own codes
   */
  Tensor codes(Tensor e) {
    Tensor rows = e.view(-1, shape.groups(), shape.width()).transpose(0, 1);
    Tensor book = codebook.view(shape.groups(), shape.codes(), shape.width());
    return torch.bmm(rows, book.transpose(1, 2)).argmax(new LongOptional(2), false).transpose(0, 1);
  }

  /**
   * The latents of codes.
   *
   * @param codes [rows, groups] int64
   * @return [rows, groups · width]
   */
  Tensor latents(Tensor codes) {
    return codebook
        .index_select(0, codes.add(groupStarts()).reshape(-1))
        .view(codes.size(0), shape.latent());
  }

  private Tensor groupStarts() {
    long[] starts = new long[shape.groups()];
    for (int g = 0; g < starts.length; g++) {
      starts[g] = (long) g * shape.codes();
    }
    return Tensor.create(starts, 1, starts.length);
  }

  /**
   * Token logits from latents.
   *
   * @param latents [batch, length, groups · width]
   * @param positions indices into batch · length
   * @return [positions, vocabulary] float32
   */
  Tensor decode(Tensor latents, Tensor positions) {
    Tensor x = Layers.f32(layers.linear(latents, parameters.get("decoder.in")));
    for (int i = 0; i < shape.decoderLayers(); i++) {
      String at = "decoder.layers." + i + ".";
      Tensor qkv =
          layers.linear(
              Layers.rmsNorm(x, parameters.get(at + "attention_norm")), parameters.get(at + "qkv"));
      Tensor mixed = layers.attention(qkv, shape.heads(), false, qkv, qkv);
      x = x.add(Layers.f32(layers.linear(mixed, parameters.get(at + "o"))));
      Tensor y = Layers.rmsNorm(x, parameters.get(at + "ffn_norm"));
      x =
          x.add(
              Layers.f32(
                  layers.feedForward(
                      y, parameters.get(at + "gate_up"), parameters.get(at + "down"))));
    }
    Tensor chosen = x.view(-1, shape.hidden()).index_select(0, positions);
    return Layers.f32(
        layers.linear(
            Layers.rmsNorm(chosen, parameters.get("decoder.norm")),
            parameters.get("decoder.head")));
  }

  @Override
  public void close() {
    layers.close();
    parameters.close();
    if (ownsCodebook) {
      codebook.close();
    }
  }
}
