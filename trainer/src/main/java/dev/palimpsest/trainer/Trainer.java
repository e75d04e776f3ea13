/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * One training run: the network, its optimiser and its weight average, moved a step at a time.
 *
 * <p>The loss of a row with masks drawn at level t is the cross-entropy at its masked positions
 * weighted by 1/t, whose mean bounds the likelihood from above (LLaDA, MDLM). For the gradient the
 * weight is cut at {@value #WEIGHT_CAP} and the sum is divided by the sum of the weights: both
 * lower the variance of small batches, at the price of counting rows with few masks for less. What
 * is reported as held-out loss is the uncut bound.
 */
final class Trainer implements AutoCloseable {
  private static final float WEIGHT_CAP = 4;

  private final Settings settings;
  private final Denoiser network;
  private final Tensor average;
  private final Tensor moment1;
  private final Tensor moment2;
  private long step;

  /** What a step came to. */
  record Step(double loss, double gradientNorm, double rate, int masked) {}

  /** What held-out rows say of the averaged weights. */
  record HeldOut(double nats, double accuracy) {}

  Trainer(Settings settings) {
    this.settings = settings;
    this.network = new Denoiser(settings.shape(), settings.seed(), settings.bf16());
    try (NoGradGuard _ = new NoGradGuard()) {
      average = network.flat().clone();
      moment1 = torch.zeros(network.parameters());
      moment2 = torch.zeros(network.parameters());
    }
  }

  Trainer(RunState from) {
    this(from.settings());
    network.load(from.weights());
    Denoiser.fill(average, from.average());
    Denoiser.fill(moment1, from.moment1());
    Denoiser.fill(moment2, from.moment2());
    step = from.step();
  }

  long step() {
    return step;
  }

  /** Everything the run needs to go on from here. */
  RunState state(double seconds, double progress) {
    return new RunState(
        settings,
        step,
        seconds,
        progress,
        network.values(),
        Denoiser.copy(average),
        Denoiser.copy(moment1),
        Denoiser.copy(moment2));
  }

  /**
   * Trains on one batch.
   *
   * @param progress share of the run that is done, for the learning rate
   */
  Step train(MaskedBatch.Source source, double progress) {
    MaskedBatch batch =
        MaskedBatch.draw(source, settings.batch(), settings.seed(), step, settings.structured());
    float[] weights = batch.weights().clone();
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.min(weights[i], WEIGHT_CAP);
      sum += weights[i];
    }
    double rate = settings.rate(step, progress);
    double loss;
    double norm;
    try (PointerScope _ = new PointerScope()) {
      Tensor perToken = losses(batch);
      Tensor total = perToken.mul(Tensor.create(weights)).sum().div(new Scalar(sum));
      loss = total.item_float();
      total.backward();
      try (NoGradGuard _ = new NoGradGuard()) {
        norm = update(rate);
      }
    }
    step++;
    return new Step(loss, norm, rate, weights.length);
  }

  private Tensor losses(MaskedBatch batch) {
    Tensor logits = network.logits(batch.ids(), batch.rows(), batch.positions());
    return torch
        .log_softmax(logits, 1)
        .gather(1, Tensor.create(batch.targets()).unsqueeze(1))
        .squeeze(1)
        .neg();
  }

  /** AdamW (Loshchilov and Hutter 2019) on the flat tensors; returns the gradient's norm. */
  private double update(double rate) {
    Tensor weights = network.flat();
    Tensor gradient = network.gradient();
    double norm = gradient.norm().item_float();
    if (norm > settings.clip()) {
      gradient.mul_(new Scalar(settings.clip() / norm));
    }
    moment1.lerp_(gradient, new Scalar(1 - Settings.BETA1));
    moment2
        .mul_(new Scalar(Settings.BETA2))
        .addcmul_(gradient, gradient, new Scalar(1 - Settings.BETA2));
    double correction1 = 1 - Math.pow(Settings.BETA1, step + 1);
    double correction2 = 1 - Math.pow(Settings.BETA2, step + 1);
    weights
        .narrow(0, 0, network.matrixParameters())
        .mul_(new Scalar(1 - rate * settings.weightDecay()));
    Tensor scale =
        moment2
            .sqrt()
            .mul_(new Scalar(1 / Math.sqrt(correction2)))
            .add_(new Scalar(Settings.ADAM_EPSILON));
    weights.addcdiv_(moment1, scale, new Scalar(-rate / correction1));
    // A young average follows closely, so that early exports are not random weights.
    double decay = Math.min(settings.averageDecay(), (1.0 + step) / (10.0 + step));
    average.lerp_(weights, new Scalar(1 - decay));
    gradient.zero_();
    return norm;
  }

  /**
   * The averaged weights on held-out rows with fixed masks: the likelihood bound in nats per token
   * and how many masked tokens are guessed right.
   */
  HeldOut evaluate(MaskedBatch.Source source, int rows) {
    float[] own = network.values();
    network.load(Denoiser.copy(average));
    double nats = 0;
    double right = 0;
    long masked = 0;
    int chunk = Math.min(rows, settings.batch());
    int chunks = rows / chunk;
    try (NoGradGuard _ = new NoGradGuard()) {
      for (int c = 0; c < chunks; c++) {
        MaskedBatch batch = MaskedBatch.draw(source, chunk, 0x5eed, c, 0);
        try (PointerScope _ = new PointerScope()) {
          Tensor logProbabilities =
              torch.log_softmax(network.logits(batch.ids(), batch.rows(), batch.positions()), 1);
          Tensor targets = Tensor.create(batch.targets());
          nats -=
              logProbabilities
                  .gather(1, targets.unsqueeze(1))
                  .squeeze(1)
                  .mul(Tensor.create(batch.weights()))
                  .sum()
                  .item_float();
          right +=
              logProbabilities
                  .argmax(new org.bytedeco.pytorch.LongOptional(1), false)
                  .eq(targets)
                  .sum()
                  .item_long();
        }
        masked += batch.positions().length;
      }
    }
    network.load(own);
    double tokens = (double) chunks * chunk * settings.shape().length();
    // The stratified levels start at LEAST_LEVEL, the bound's integral at 0.
    return new HeldOut(nats / tokens, right / masked);
  }

  @Override
  public void close() {
    moment1.close();
    moment2.close();
    average.close();
    network.close();
  }
}
