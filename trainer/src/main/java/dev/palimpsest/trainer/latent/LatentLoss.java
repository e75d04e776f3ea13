/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The losses of the denoiser on one part of a batch. */
final class LatentLoss {
  /** The velocity's error counts for no more than this, squared gain of the path. */
  static final double VELOCITY_CAP = 4;

  /** The kinds of loss, in the order of a {@link Part}'s sums. */
  enum Kind {
    CODE,
    VELOCITY,
    TOKEN,
    QUALITY
  }

  /**
   * What a part of a batch comes to.
   *
   * @param loss its share of the whole batch's loss
   * @param sums of the losses of every row, by kind, [4][rows]
   * @param counts of the positions behind them, [4][rows]
   * @param right of a row's noise positions, how many have their most likely codes right
   * @param noise a row's noise positions
   * @param predicted sums of the codes' probabilities, if an adversary looked at them
   */
  record Part(
      double loss,
      double[][] sums,
      double[][] counts,
      double[] right,
      double[] noise,
      float[] predicted) {}

  /**
   * What an adversary needs beside the batch.
   *
   * @param worker which part of the batch this is
   */
  record Opponent(Adversary adversary, int worker, SplittableRandom random) {}

  /** By what the sums of a whole batch are divided. */
  record Totals(double supervised, double noise, double decoded) {
    static Totals of(LatentBatch batch, boolean[] decoded) {
      int length = batch.ids().length / batch.rows();
      double supervised = 0;
      double noise = 0;
      double decodedNoise = 0;
      for (int i = 0; i < batch.ids().length; i++) {
        supervised += batch.isSupervised(i) ? 1 : 0;
        if (batch.state(i) == NoiseState.NOISE) {
          noise++;
          decodedNoise += decoded[i / length] ? 1 : 0;
        }
      }
      return new Totals(Math.max(1, supervised), Math.max(1, noise), Math.max(1, decodedNoise));
    }
  }

  private final LatentSettings settings;
  private final HybridNetwork network;
  private final Autoencoder autoencoder;

  LatentLoss(LatentSettings settings, HybridNetwork network, Autoencoder autoencoder) {
    this.settings = settings;
    this.network = network;
    this.autoencoder = autoencoder;
  }

  /**
   * The loss, with its gradient if asked for.
   *
   * @param selfConditioned whether the network gets a first prediction of its own
   * @param decoded rows whose prediction is decoded for the token loss
   * @param backward whether the gradient is added to the network's
   * @param opponent an adversary that is active
   */
  Part of(
      LatentBatch batch,
      Totals totals,
      boolean selfConditioned,
      boolean[] decoded,
      boolean backward,
      Optional<Opponent> opponent) {
    HybridShape shape = settings.shape();
    AutoencoderShape codes = shape.latent();
    int rows = batch.rows();
    int length = batch.ids().length / rows;
    long[] positions = new long[batch.supervised()];
    for (int i = 0, n = 0; i < batch.ids().length; i++) {
      if (batch.isSupervised(i)) {
        positions[n++] = i;
      }
    }
    Part part =
        new Part(
            0,
            new double[4][rows],
            new double[4][rows],
            new double[rows],
            new double[rows],
            new float[0]);
    if (positions.length == 0) {
      return part;
    }
    // Gradients are on or off for a thread; a caller's guard says nothing here.
    try (AutoGradMode _ = new AutoGradMode(backward);
        PointerScope _ = new PointerScope()) {
      LatentInputs inputs = LatentInputs.of(batch, autoencoder, shape.path());
      Tensor chosen = Tensor.create(positions);
      Tensor known = inputs.own();
      if (selfConditioned) {
        known = known.add(firstPrediction(batch, inputs));
      }
      Tensor logits =
          network.logits(
              inputs.z(),
              known.view(rows, length, codes.latent()),
              batch.states(),
              inputs.times(),
              chosen);
      Tensor targets = inputs.targets().index_select(0, chosen);
      Tensor codeLogits = HybridNetwork.codeLogits(codes, logits);
      Tensor codeLoss =
          torch.log_softmax(codeLogits, 2).gather(2, targets.unsqueeze(2)).squeeze(2).mean(1).neg();
      Tensor expected = HybridNetwork.expected(codes, logits, autoencoder.codebook());
      Tensor velocityLoss = velocity(batch, inputs, positions, chosen, expected);
      Tensor rightNow = right(batch, inputs, positions, chosen, codeLogits, targets);
      Tensor qualityLoss = quality(HybridNetwork.quality(codes, logits), rightNow);
      Tensor loss =
          codeLoss
              .sum()
              .mul(Layers.scalar(settings.codeLoss() / totals.supervised()))
              .add(velocityLoss.sum().mul(Layers.scalar(settings.velocityLoss() / totals.noise())))
              .add(
                  qualityLoss
                      .sum()
                      .mul(Layers.scalar(settings.qualityLoss() / totals.supervised())));
      sum(part, Kind.CODE, codeLoss, positions, length);
      sum(part, Kind.VELOCITY, velocityLoss, positions, length);
      sum(part, Kind.QUALITY, qualityLoss, positions, length);
      float[] ones = FlatParameters.copy(Layers.f32(rightNow).contiguous());
      for (int i = 0; i < positions.length; i++) {
        if (batch.state((int) positions[i]) == NoiseState.NOISE) {
          part.right()[(int) positions[i] / length] += ones[i];
          part.noise()[(int) positions[i] / length]++;
        }
      }
      if (settings.tokenLoss() > 0) {
        loss = loss.add(tokens(batch, totals, inputs, chosen, expected, decoded, part));
      }
      float[] predicted = part.predicted();
      double reported = loss.item_float();
      if (opponent.isPresent()) {
        predicted = predicted(codeLogits);
        loss =
            loss.add(opposed(opponent.get(), batch, totals, inputs, positions, chosen, expected));
      }
      if (backward) {
        loss.backward();
      }
      return new Part(reported, part.sums(), part.counts(), part.right(), part.noise(), predicted);
    }
  }

  /** What the network predicts without a prediction, at noise positions; zero elsewhere. */
  private Tensor firstPrediction(LatentBatch batch, LatentInputs inputs) {
    AutoencoderShape codes = settings.shape().latent();
    int rows = batch.rows();
    int length = batch.ids().length / rows;
    long[] noise = new long[batch.ids().length];
    int n = 0;
    for (int i = 0; i < noise.length; i++) {
      if (batch.state(i) == NoiseState.NOISE) {
        noise[n++] = i;
      }
    }
    try (NoGradGuard _ = new NoGradGuard()) {
      Tensor first = torch.zeros(noise.length, codes.latent());
      if (n == 0) {
        return first;
      }
      Tensor at = Tensor.create(Arrays.copyOf(noise, n));
      Tensor logits =
          network.logits(
              inputs.z(),
              inputs.own().view(rows, length, codes.latent()),
              batch.states(),
              inputs.times(),
              at);
      first.index_copy_(0, at, HybridNetwork.expected(codes, logits, autoencoder.codebook()));
      return first;
    }
  }

  private static float[] predicted(Tensor codeLogits) {
    try (NoGradGuard _ = new NoGradGuard()) {
      return FlatParameters.copy(torch.softmax(codeLogits, 2).sum(0).contiguous());
    }
  }

  /** A term whose gradient at the predictions is the adversary's pull, cut to its share. */
  private Tensor opposed(
      Opponent opponent,
      LatentBatch batch,
      Totals totals,
      LatentInputs inputs,
      long[] positions,
      Tensor chosen,
      Tensor expected) {
    Tensor pull =
        opponent
            .adversary()
            .pull(opponent.worker(), batch, expected, inputs, chosen, opponent.random());
    double gain = 2 * settings.velocityLoss() / totals.noise() / settings.shape().latent().latent();
    Tensor velocity =
        expected
            .detach()
            .sub(inputs.clean().index_select(0, chosen))
            .mul(Tensor.create(velocityWeights(batch, positions), positions.length, 1))
            .mul(Layers.scalar(gain));
    double strength = opponent.adversary().strength(pull, velocity, settings.adversarial());
    return expected.mul(pull.mul(Layers.scalar(strength))).sum();
  }

  /** Squared error of the velocity, a mean over the latent; zero where nothing is noisy. */
  private Tensor velocity(
      LatentBatch batch, LatentInputs inputs, long[] positions, Tensor chosen, Tensor expected) {
    return expected
        .sub(inputs.clean().index_select(0, chosen))
        .square()
        .mean(1)
        .mul(Tensor.create(velocityWeights(batch, positions)));
  }

  private float[] velocityWeights(LatentBatch batch, long[] positions) {
    int length = batch.ids().length / batch.rows();
    float[] weights = new float[positions.length];
    for (int i = 0; i < positions.length; i++) {
      int at = (int) positions[i];
      double gain = settings.shape().path().velocityGain(batch.times()[at / length]);
      weights[i] =
          batch.state(at) == NoiseState.NOISE ? (float) Math.min(gain * gain, VELOCITY_CAP) : 0;
    }
    return weights;
  }

  /**
   * Whether positions are right, [positions] bool: at noise the most likely codes, at what is
   * written the codes that stand there.
   */
  static Tensor right(
      LatentBatch batch,
      LatentInputs inputs,
      long[] positions,
      Tensor chosen,
      Tensor codeLogits,
      Tensor targets) {
    int[] written = new int[positions.length];
    for (int i = 0; i < written.length; i++) {
      written[i] = batch.state((int) positions[i]) == NoiseState.WRITTEN ? 1 : 0;
    }
    try (NoGradGuard _ = new NoGradGuard()) {
      Tensor likely = codeLogits.argmax(new org.bytedeco.pytorch.LongOptional(2), false);
      Tensor stands =
          torch.where(
              Tensor.create(written, written.length, 1).to(torch.ScalarType.Bool),
              inputs.shown().index_select(0, chosen),
              likely);
      return stands.eq(targets).all(1, false);
    }
  }

  private static Tensor quality(Tensor logits, Tensor right) {
    // -log sigmoid of the logit that the truth speaks for.
    Tensor sign = Layers.f32(right).mul(Layers.scalar(2)).sub(Layers.scalar(1));
    return torch.log_sigmoid(logits.mul(sign)).neg();
  }

  private Tensor tokens(
      LatentBatch batch,
      Totals totals,
      LatentInputs inputs,
      Tensor chosen,
      Tensor expected,
      boolean[] decoded,
      Part part) {
    AutoencoderShape codes = settings.shape().latent();
    int rows = batch.rows();
    int length = batch.ids().length / rows;
    int count = 0;
    long[] decodedRows = new long[rows];
    long[] asked = new long[batch.ids().length];
    long[] truth = new long[asked.length];
    long[] where = new long[asked.length];
    int n = 0;
    for (int r = 0; r < rows; r++) {
      if (!decoded[r]) {
        continue;
      }
      for (int i = r * length; i < (r + 1) * length; i++) {
        if (batch.state(i) == NoiseState.NOISE) {
          asked[n] = (long) count * length + i - (long) r * length;
          where[n] = i;
          truth[n++] = batch.ids()[i];
        }
      }
      decodedRows[count++] = r;
    }
    if (n == 0) {
      return torch.zeros();
    }
    // Given text that was hidden from the denoiser is there when its prediction is decoded.
    Tensor latents =
        inputs
            .clean()
            .index_copy(0, chosen, expected)
            .view(rows, length, codes.latent())
            .index_select(0, Tensor.create(Arrays.copyOf(decodedRows, count)));
    Tensor logits = autoencoder.decode(latents, Tensor.create(Arrays.copyOf(asked, n)));
    Tensor loss =
        torch
            .log_softmax(logits, 1)
            .gather(1, Tensor.create(Arrays.copyOf(truth, n)).unsqueeze(1))
            .squeeze(1)
            .neg();
    sum(part, Kind.TOKEN, loss, Arrays.copyOf(where, n), length);
    return loss.sum().mul(Layers.scalar(settings.tokenLoss() / totals.decoded()));
  }

  private static void sum(Part part, Kind kind, Tensor losses, long[] positions, int length) {
    float[] values = FlatParameters.copy(losses.detach().contiguous());
    for (int i = 0; i < values.length; i++) {
      int row = (int) positions[i] / length;
      part.sums()[kind.ordinal()][row] += values[i];
      part.counts()[kind.ordinal()][row]++;
    }
  }
}
