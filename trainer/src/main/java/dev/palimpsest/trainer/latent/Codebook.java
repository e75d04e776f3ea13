/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The codes of a VQ-VAE as running means of what they stand for (van den Oord et al. 2017, appendix
 * A.1), begun by clusters of the tokens, with codes that nothing uses put where something is.
 */
final class Codebook implements AutoCloseable {
  /** A code used less than this share of an even one is put elsewhere. */
  private static final double DEAD = 0.03;

  /**
   * Of what is near in {@link #entropy}, in units of the product of a code with itself over width.
   */
  private static final double SOFTNESS = 3;

  private final AutoencoderShape shape;
  private final double decay;
  private final Tensor codes;
  private final Tensor counts;
  private final Tensor sums;

  /** What one part of a batch adds: positions per code and the sums of what was encoded there. */
  record Usage(float[] counts, float[] sums) {}

  /**
   * @param codes what is kept up to date, [groups · codes, width]
   */
  Codebook(AutoencoderShape shape, double decay, Tensor codes) {
    this.shape = shape;
    this.decay = decay;
    this.codes = codes;
    counts = FlatParameters.persistent(torch.ones(codes.size(0)));
    sums = FlatParameters.persistent(torch.zeros(codes.size(0), codes.size(1)));
  }

  Tensor counts() {
    return counts;
  }

  Tensor sums() {
    return sums;
  }

  /**
   * Begins with the codes of an assignment.
   *
   * @param use how often each code stands in a batch, [groups · codes]
   */
  void begin(CodeAssignment assignment, float[] use) {
    float[] sum = assignment.codebook().clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] *= use[i / shape.width()];
    }
    FlatParameters.fill(codes, assignment.codebook());
    FlatParameters.fill(counts, use);
    FlatParameters.fill(sums, sum);
  }

  /**
   * What a part of a batch uses.
   *
   * @param encoded [positions, groups, width]
   * @param nearest [positions, groups] int64
   * @param weight 1 for positions that count, [positions]
   */
  Usage usage(Tensor encoded, Tensor nearest, Tensor weight) {
    Tensor count = torch.zeros(codes.size(0));
    Tensor sum = torch.zeros(codes.size(0), codes.size(1));
    for (int g = 0; g < shape.groups(); g++) {
      Tensor index =
          nearest.select(1, g).add(new org.bytedeco.pytorch.Scalar((long) g * shape.codes()));
      count.index_add_(0, index, weight);
      sum.index_add_(0, index, encoded.select(1, g).mul(weight.unsqueeze(1)));
    }
    return new Usage(FlatParameters.copy(count), FlatParameters.copy(sum));
  }

  /**
   * The entropy of the codes' mean use, in nats, a mean over the groups: what is encoded counts for
   * near codes as well, so that the gradient can lead it there.
   *
   * @param encoded [positions, groups, width]
   */
  Tensor entropy(Tensor encoded) {
    Tensor book = codes.view(shape.groups(), shape.codes(), shape.width());
    Tensor near =
        torch.bmm(encoded.transpose(0, 1), book.transpose(1, 2)).mul(Layers.scalar(1 / SOFTNESS));
    Tensor use = torch.softmax(near, 2).mean(1);
    return use.mul(use.add(Layers.scalar(1e-9)).log())
        .sum()
        .mul(Layers.scalar(-1.0 / shape.groups()));
  }

  /** Moves the codes towards what they were used for. */
  void update(Usage usage) {
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      counts.lerp_(Tensor.create(usage.counts(), usage.counts().length), Layers.scalar(1 - decay));
      sums.lerp_(
          Tensor.create(usage.sums(), codes.size(0), codes.size(1)), Layers.scalar(1 - decay));
      codes.copy_(Autoencoder.unit(sums));
    }
  }

  /**
   * Puts codes that are hardly used where encoded positions are.
   *
   * @param encoded [positions · groups · width]
   * @return how many were moved
   */
  int revive(float[] encoded, SplittableRandom random) {
    float[] used = FlatParameters.copy(counts);
    float[] values = FlatParameters.copy(codes);
    float[] sum = FlatParameters.copy(sums);
    int positions = encoded.length / shape.latent();
    int moved = 0;
    for (int g = 0; g < shape.groups(); g++) {
      double total = 0;
      for (int k = 0; k < shape.codes(); k++) {
        total += used[g * shape.codes() + k];
      }
      double even = total / shape.codes();
      for (int k = 0; k < shape.codes(); k++) {
        int code = g * shape.codes() + k;
        if (used[code] >= DEAD * even) {
          continue;
        }
        int from = random.nextInt(positions) * shape.latent() + g * shape.width();
        for (int d = 0; d < shape.width(); d++) {
          values[code * shape.width() + d] = encoded[from + d];
          sum[code * shape.width() + d] = (float) (encoded[from + d] * even * 0.5);
        }
        used[code] = (float) (even * 0.5);
        moved++;
      }
    }
    if (moved > 0) {
      FlatParameters.fill(counts, used);
      FlatParameters.fill(codes, values);
      FlatParameters.fill(sums, sum);
    }
    return moved;
  }

  @Override
  public void close() {
    counts.close();
    sums.close();
  }
}
