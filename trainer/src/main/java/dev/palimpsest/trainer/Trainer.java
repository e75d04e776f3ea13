/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
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
final class Trainer implements Training {
  private static final float WEIGHT_CAP = 4;

  private final Settings settings;
  private final Denoiser network;
  private final List<Denoiser> networks = new ArrayList<>();
  private final Workers threads;
  private final AdamW optimiser;
  private final MaskedBatch.Source source;
  private final MaskedBatch.Source heldOut;
  private final int heldOutRows;
  private long step;

  /**
   * A run at its beginning.
   *
   * @param workers threads that share a batch
   * @param heldOutRows rows that {@link #evaluate} takes
   */
  Trainer(
      Settings settings,
      int workers,
      MaskedBatch.Source source,
      MaskedBatch.Source heldOut,
      int heldOutRows) {
    this.settings = settings;
    this.source = source;
    this.heldOut = heldOut;
    this.heldOutRows = heldOutRows;
    this.network = new Denoiser(settings.shape(), settings.seed(), settings.bf16());
    networks.add(network);
    for (int w = 1; w < Math.min(workers, settings.batch()); w++) {
      networks.add(network.twin());
    }
    threads = new Workers(networks.size());
    optimiser = new AdamW(network.flat());
  }

  /** A run where it was left. */
  Trainer(
      RunState from,
      int workers,
      MaskedBatch.Source source,
      MaskedBatch.Source heldOut,
      int heldOutRows) {
    this(from.settings(), workers, source, heldOut, heldOutRows);
    network.load(from.weights());
    Denoiser.fill(optimiser.average(), from.average());
    Denoiser.fill(optimiser.moment1(), from.moment1());
    Denoiser.fill(optimiser.moment2(), from.moment2());
    step = from.step();
  }

  /** Runs of these settings that begin with random weights. */
  static Course course(
      Settings settings,
      int workers,
      MaskedBatch.Source source,
      MaskedBatch.Source heldOut,
      int heldOutRows) {
    return course(settings, workers, source, heldOut, heldOutRows, Optional.empty());
  }

  /**
   * Runs of these settings.
   *
   * @param initial weights that a new run begins with, in the order of {@link Denoiser#flat};
   *     random ones if empty
   */
  static Course course(
      Settings settings,
      int workers,
      MaskedBatch.Source source,
      MaskedBatch.Source heldOut,
      int heldOutRows,
      Optional<float[]> initial) {
    return new Course() {
      @Override
      public String title() {
        return String.format(Locale.ROOT, "%,d parameters", settings.shape().parameters());
      }

      @Override
      public boolean fromScratch() {
        return initial.isEmpty();
      }

      @Override
      public Training begin() {
        Trainer trainer = new Trainer(settings, workers, source, heldOut, heldOutRows);
        initial.ifPresent(trainer::beginWith);
        return trainer;
      }

      @Override
      public Resumed resume(Path checkpoint) throws IOException {
        RunState from = RunState.read(checkpoint);
        if (!from.settings().equals(settings)) {
          throw new IOException(
              "the run in "
                  + checkpoint.getParent()
                  + " was started with "
                  + from.settings()
                  + " and cannot go on with "
                  + settings
                  + "; give the same options or another --work folder");
        }
        return new Resumed(
            new Trainer(from, workers, source, heldOut, heldOutRows), from.seconds());
      }
    };
  }

  private void beginWith(float[] weights) {
    network.load(weights);
    Denoiser.fill(optimiser.average(), weights);
  }

  @Override
  public long step() {
    return step;
  }

  @Override
  public int tokensPerStep() {
    return settings.batch() * settings.shape().length();
  }

  @Override
  public void save(Path file, double seconds, double progress) {
    state(seconds, progress).write(file);
  }

  /** Everything the run needs to go on from here. */
  RunState state(double seconds, double progress) {
    return new RunState(
        settings,
        step,
        seconds,
        progress,
        network.values(),
        Denoiser.copy(optimiser.average()),
        Denoiser.copy(optimiser.moment1()),
        Denoiser.copy(optimiser.moment2()));
  }

  @Override
  public Step train(double progress) {
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
    List<Callable<Double>> parts = new ArrayList<>();
    int n = networks.size();
    for (int w = 0; w < n; w++) {
      Denoiser own = networks.get(w);
      MaskedBatch part = batch.part(settings.batch() * w / n, settings.batch() * (w + 1) / n);
      parts.add(() -> backward(own, part, scale));
    }
    for (double part : threads.all(parts)) {
      loss += part;
    }
    double rate = settings.rate(step, progress);
    double norm;
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (Denoiser other : networks.subList(1, n)) {
        network.gradient().add_(other.gradient());
        other.gradient().zero_();
      }
      norm =
          optimiser.update(
              network.flat(),
              network.gradient(),
              network.matrixParameters(),
              step,
              rate,
              settings.weightDecay(),
              settings.clip(),
              settings.averageDecay());
    }
    step++;
    return new Step(loss, norm, rate, Map.of());
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

  /**
   * The averaged weights on held-out rows with fixed masks: the likelihood bound in nats per token
   * and how many masked tokens are guessed right; of a causal network all tokens but the first.
   */
  @Override
  public HeldOut evaluate() {
    int rows = heldOutRows;
    float[] own = network.values();
    network.load(Denoiser.copy(optimiser.average()));
    double nats = 0;
    double right = 0;
    long masked = 0;
    int chunk = Math.min(rows, settings.batch());
    int chunks = rows / chunk;
    try (NoGradGuard _ = new NoGradGuard()) {
      for (int c = 0; c < chunks; c++) {
        MaskedBatch batch = MaskedBatch.draw(heldOut, chunk, 0x5eed, c, 0, 0);
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
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("held_out_nats", nats / tokens);
    values.put("held_out_accuracy", right / masked);
    return new HeldOut(
        values,
        String.format(
            Locale.ROOT,
            "%.4f nats/token, %.2f%% of %stokens right",
            nats / tokens,
            100 * right / masked,
            settings.shape().causal() ? "" : "masked "));
  }

  @Override
  public void close() {
    threads.close();
    networks.subList(1, networks.size()).forEach(Denoiser::close);
    optimiser.close();
    network.close();
  }
}
