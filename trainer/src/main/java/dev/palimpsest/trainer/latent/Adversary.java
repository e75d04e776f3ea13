/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.AdamW;
import dev.palimpsest.trainer.Checkpoint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A late and weak adversary of the denoiser: a small network that tells re-noised predictions from
 * re-noised latents by the difference of their scores (relativistic pairing, Jolicoeur-Martineau
 * 2018, arXiv 1807.00734), smoothed by a finite-difference R1 penalty. It works on expected
 * latents, never through a choice of codes.
 *
 * <p>Its pull on a prediction is cut to a share of the velocity loss's. It begins when most of the
 * run is done, and switches itself off for good when the predicted codes become less diverse.
 */
final class Adversary implements AutoCloseable {
  /** Share of a run that is done when it begins. */
  static final double BEGIN = 0.85;

  /** It is off once the diversity of predictions is below this share of what it was. */
  static final double LEAST_DIVERSITY = 0.95;

  private static final double RATE = 3e-4;
  private static final double PENALTY = 1;
  private static final double STEP_ASIDE = 0.05;
  private static final double REMEMBER = 0.98;

  /** Steps over which the diversity it began with is found. */
  private static final int REFERENCE_STEPS = 20;

  private static final int HIDDEN = 96;

  private final HybridShape shape;
  private final List<HybridNetwork> networks = new ArrayList<>();
  private final AdamW optimiser;
  private long steps;
  private float reference;
  private float diversity;
  private boolean off;

  /**
   * @param denoiser the shape of what it watches
   * @param workers how many parts of a batch it sees at once
   */
  Adversary(HybridShape denoiser, long seed, boolean bf16, int workers) {
    AutoencoderShape l = denoiser.latent();
    AutoencoderShape scores =
        new AutoencoderShape(
            l.vocabulary(),
            l.hidden(),
            l.encoderLayers(),
            l.decoderLayers(),
            l.heads(),
            l.ffn(),
            l.groups(),
            1,
            l.width(),
            l.normGroups(),
            l.maskId(),
            l.endId());
    int hidden = Math.min(HIDDEN, denoiser.hidden());
    shape =
        new HybridShape(
            scores,
            hidden,
            2,
            2 * hidden,
            hidden,
            2,
            2 * hidden,
            1,
            0,
            1,
            denoiser.timeFeatures(),
            denoiser.timeHidden(),
            denoiser.length(),
            denoiser.path());
    HybridNetwork first = new HybridNetwork(shape, seed, bf16, true);
    networks.add(first);
    for (int w = 1; w < workers; w++) {
      networks.add(first.twin());
    }
    optimiser = new AdamW(first.parameters().flat());
  }

  /** Whether it pulls at this point of a run. */
  boolean active(double progress) {
    return progress >= BEGIN && !off;
  }

  /** Whether it pulls already, or still only learns and looks how diverse predictions are. */
  private boolean pulls() {
    return steps > REFERENCE_STEPS;
  }

  /**
   * Learns from one part of a batch and says where the predictions should go.
   *
   * @param worker which part
   * @param rows the part's rows
   * @param expected predictions at the chosen positions [positions, latent]; no gradient passes
   * @param inputs the part as the denoiser saw it
   * @param chosen positions of the predictions
   * @param random of the noise
   * @return the gradient of its score of the predictions [positions, latent], not scaled
   */
  Tensor pull(
      int worker,
      LatentBatch rows,
      Tensor expected,
      LatentInputs inputs,
      Tensor chosen,
      SplittableRandom random) {
    HybridNetwork network = networks.get(worker);
    int batch = rows.rows();
    int n = rows.ids().length;
    int latent = shape.latent().latent();
    float[] times = new float[n];
    float[] signal = new float[n];
    float[] sigma = new float[n];
    for (int r = 0; r < batch; r++) {
      // Little enough noise that words can be told apart, enough that both sides overlap.
      float t = (float) (0.3 + 0.6 * random.nextDouble());
      for (int i = r * (n / batch); i < (r + 1) * (n / batch); i++) {
        times[i] = t;
        signal[i] = (float) shape.path().alpha(t);
        sigma[i] = (float) shape.path().sigma(t);
      }
    }
    float[] noise = new float[n * latent];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (float) random.nextGaussian();
    }
    Times at = Times.of(times, batch);
    Tensor scale = Tensor.create(signal, n, 1);
    Tensor shared = Tensor.create(noise, n, latent).mul(Tensor.create(sigma, n, 1));
    Tensor real = inputs.clean().mul(scale).add(shared);
    Tensor prediction = expected.detach().requires_grad_(true);
    Tensor fake = inputs.clean().index_copy(0, chosen, prediction).mul(scale).add(shared);
    Tensor realScore = score(network, real, inputs, rows, at, chosen);
    Tensor fakeScore = score(network, fake, inputs, rows, at, chosen);
    float[] aside = new float[n * latent];
    for (int i = 0; i < aside.length; i++) {
      aside[i] = (float) (STEP_ASIDE * random.nextGaussian());
    }
    Tensor slope =
        score(network, real.add(Tensor.create(aside, n, latent)), inputs, rows, at, chosen)
            .sub(realScore)
            .mul(Layers.scalar(1 / STEP_ASIDE));
    Tensor loss =
        torch
            .log_sigmoid(realScore.sub(fakeScore))
            .mean()
            .neg()
            .add(slope.square().mean().mul(Layers.scalar(PENALTY)));
    loss.backward();
    // Its own loss rises where the prediction becomes more like a latent.
    return prediction.grad().neg();
  }

  private static Tensor score(
      HybridNetwork network,
      Tensor z,
      LatentInputs inputs,
      LatentBatch rows,
      Times times,
      Tensor chosen) {
    int latent = network.shape().latent().latent();
    int batch = rows.rows();
    Tensor logits =
        network.logits(
            z.view(batch, -1, latent),
            inputs.own().view(batch, -1, latent),
            rows.states(),
            times,
            chosen);
    return HybridNetwork.quality(network.shape().latent(), logits);
  }

  /**
   * Ends a step: moves the discriminator, and looks whether predictions stay diverse.
   *
   * @param diversityNow entropy of the mean of the predicted codes, in nats
   */
  void update(double diversityNow) {
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      FlatParameters own = networks.getFirst().parameters();
      own.gather(networks.stream().skip(1).map(HybridNetwork::parameters).toList());
      optimiser.update(own.flat(), own.gradient(), own.matrixSize(), steps, RATE, 0, 1, 0.99);
    }
    diversity =
        (float) (steps == 0 ? diversityNow : REMEMBER * diversity + (1 - REMEMBER) * diversityNow);
    steps++;
    if (steps <= REFERENCE_STEPS) {
      reference += (float) (diversityNow / REFERENCE_STEPS);
    } else if (diversity < LEAST_DIVERSITY * reference) {
      off = true;
    }
  }

  /**
   * By what a pull is multiplied so that it is no more than a share of another gradient.
   *
   * @param share of the other gradient's norm
   */
  double strength(Tensor pull, Tensor other, double share) {
    double own = pull.norm().item_float();
    return pulls() && own > 0 ? share * other.norm().item_float() / own : 0;
  }

  /** For the log: whether it is off, and how diverse predictions are. */
  Map<String, Double> log() {
    Map<String, Double> log = new LinkedHashMap<>();
    log.put("adversary_off", off ? 1.0 : 0.0);
    log.put("diversity", (double) diversity);
    return log;
  }

  /** What a resumed run needs, by name. */
  Map<String, float[]> state() {
    Map<String, float[]> state = new LinkedHashMap<>();
    state.put("adversary.weights", networks.getFirst().parameters().values());
    state.putAll(optimiser.state("adversary."));
    state.put("adversary.memory", new float[] {steps, reference, diversity, off ? 1 : 0});
    return state;
  }

  void load(Checkpoint from) throws IOException {
    networks.getFirst().parameters().load(from.require("adversary.weights"));
    optimiser.load(from, "adversary.");
    float[] memory = from.require("adversary.memory");
    steps = (long) memory[0];
    off = memory[3] == 1;
    reference = memory[1];
    diversity = memory[2];
  }

  @Override
  public void close() {
    networks.subList(1, networks.size()).forEach(HybridNetwork::close);
    optimiser.close();
    networks.getFirst().close();
  }
}
