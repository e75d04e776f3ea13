/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The codes of a VQ-VAE as running means of what they stand for (van den Oord et al. 2017, appendix
 * A.1), begun by k-means, with codes that nothing uses put where something is.
 */
final class Codebook implements AutoCloseable {
  /** A code used less than this share of an even one is put elsewhere. */
  private static final double DEAD = 0.1;

  /**
   * Of what is near in {@link #entropy}, in units of the product of a code with itself over width.
   */
  private static final double SOFTNESS = 3;

  private static final int KMEANS_ROUNDS = 12;

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
   * Begins with the means of clusters.
   *
   * @param encoded [positions, groups, width]
   */
  void begin(Tensor encoded, SplittableRandom random) {
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      for (int g = 0; g < shape.groups(); g++) {
        Tensor points = encoded.select(1, g).contiguous();
        Tensor centres = spread(points, random);
        for (int round = 0; round < KMEANS_ROUNDS; round++) {
          Tensor nearest =
              torch.matmul(points, centres.transpose(0, 1)).argmax(new LongOptional(1), false);
          Tensor sum = torch.zeros(shape.codes(), shape.width()).index_add_(0, nearest, points);
          Tensor used =
              torch
                  .zeros(shape.codes())
                  .index_add_(0, nearest, torch.ones(points.size(0)))
                  .gt(Layers.scalar(0))
                  .unsqueeze(1);
          centres = torch.where(used, Autoencoder.unit(sum), centres);
        }
        codes.narrow(0, (long) g * shape.codes(), shape.codes()).copy_(centres);
      }
      counts.fill_(Layers.scalar((double) encoded.size(0) / shape.codes() * 0.01));
      sums.copy_(codes.mul(counts.unsqueeze(1)));
    }
  }

  /** Points far from each other: k-means++ (Arthur and Vassilvitskii 2007). */
  private Tensor spread(Tensor points, SplittableRandom random) {
    int n = (int) points.size(0);
    Tensor chosen = torch.zeros(shape.codes(), shape.width());
    Tensor distance = torch.full(new long[] {n}, Layers.scalar(1e9));
    long next = random.nextInt(n);
    for (int k = 0; k < shape.codes(); k++) {
      try (PointerScope _ = new PointerScope()) {
        Tensor point = points.select(0, next);
        chosen.select(0, k).copy_(point);
        Tensor to =
            points
                .sub(point)
                .square()
                .sum(new long[] {1}, false, new org.bytedeco.pytorch.ScalarTypeOptional());
        distance.copy_(torch.minimum(distance, to));
        Tensor running = distance.cumsum(0);
        double goal = random.nextDouble() * running.select(0, n - 1).item_float();
        next = Math.min(n - 1L, running.lt(Layers.scalar(goal)).sum().item_long());
      }
    }
    return chosen;
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
