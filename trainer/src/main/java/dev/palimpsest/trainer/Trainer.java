/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
 * is reported as held-out loss is the uncut bound. A causal network's loss is the cross-entropy of
 * the next token, and that is its held-out loss too.
 */
final class Trainer implements AutoCloseable {
  private static final float WEIGHT_CAP = 4;

  private final Settings settings;
  private final Denoiser network;
  private final List<Denoiser> networks = new ArrayList<>();
  private final ExecutorService threads;
  private final Tensor average;
  private final Tensor moment1;
  private final Tensor moment2;
  private long step;

  /** What a step came to. */
  record Step(double loss, double gradientNorm, double rate, int masked) {}

  /** What held-out rows say of the averaged weights. */
  record HeldOut(double nats, double accuracy) {}

  /**
   * A run at its beginning.
   *
   * @param workers threads; each takes a part of every batch through the network on its own, which
   *     needs one meeting a step where threads inside each operation would meet thousands of times
   */
  Trainer(Settings settings, int workers) {
    this.settings = settings;
    this.network = new Denoiser(settings.shape(), settings.seed(), settings.bf16());
    networks.add(network);
    for (int w = 1; w < Math.min(workers, settings.batch()); w++) {
      networks.add(network.twin());
    }
    // libtorch's thread count belongs to the thread that sets it.
    threads =
        Executors.newFixedThreadPool(
            networks.size(),
            work ->
                Thread.ofPlatform()
                    .daemon()
                    .name("trainer")
                    .unstarted(
                        () -> {
                          torch.set_num_threads(1);
                          work.run();
                        }));
    try (NoGradGuard _ = new NoGradGuard()) {
      average = network.flat().clone();
      moment1 = torch.zeros(network.parameters());
      moment2 = torch.zeros(network.parameters());
    }
  }

  /** A run where it was left. */
  Trainer(RunState from, int workers) {
    this(from.settings(), workers);
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
        MaskedBatch.draw(
            source,
            settings.batch(),
            settings.seed(),
            step,
            settings.structured(),
            settings.wrong());
    double sum = 0;
    for (float w : batch.weights()) {
      sum += Math.min(w, WEIGHT_CAP);
    }
    double scale = 1 / sum;
    double loss = 0;
    List<Future<Double>> parts = new ArrayList<>();
    int n = networks.size();
    for (int w = 0; w < n; w++) {
      Denoiser own = networks.get(w);
      MaskedBatch part = batch.part(settings.batch() * w / n, settings.batch() * (w + 1) / n);
      parts.add(threads.submit(() -> backward(own, part, scale)));
    }
    for (Future<Double> part : parts) {
      loss += join(part);
    }
    double rate = settings.rate(step, progress);
    double norm;
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (Denoiser other : networks.subList(1, n)) {
        network.gradient().add_(other.gradient());
        other.gradient().zero_();
      }
      norm = update(rate);
    }
    step++;
    return new Step(loss, norm, rate, batch.positions().length);
  }

  private static <T> T join(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in the middle of a step", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a step failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  /** Adds the gradient of one part of a batch to the network's; returns its share of the loss. */
  private static double backward(Denoiser network, MaskedBatch batch, double scale) {
    if (batch.positions().length == 0) {
      return 0;
    }
    float[] weights = new float[batch.weights().length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) (Math.min(batch.weights()[i], WEIGHT_CAP) * scale);
    }
    try (PointerScope _ = new PointerScope()) {
      Tensor logits = network.logits(batch.ids(), batch.rows(), batch.positions());
      Tensor total =
          torch
              .log_softmax(logits, 1)
              .gather(1, Tensor.create(batch.targets()).unsqueeze(1))
              .squeeze(1)
              .mul(Tensor.create(weights))
              .sum()
              .neg();
      total.backward();
      return total.item_float();
    }
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
        MaskedBatch batch = MaskedBatch.draw(source, chunk, 0x5eed, c, 0, 0);
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
    // The stratified levels start at LEAST_LEVEL, the bound's integral at 0. A causal network's
    // likelihood is no bound, and has nothing to say of a row's first token.
    double tokens =
        settings.shape().causal() ? masked : (double) chunks * chunk * settings.shape().length();
    return new HeldOut(nats / tokens, right / masked);
  }

  @Override
  public void close() {
    threads.shutdown();
    networks.subList(1, networks.size()).forEach(Denoiser::close);
    moment1.close();
    moment2.close();
    average.close();
    network.close();
  }
}
