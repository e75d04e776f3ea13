/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * AdamW (Loshchilov and Hutter 2019) on one flat tensor of parameters, with the running average of
 * the weights that is exported in the end.
 */
public final class AdamW implements AutoCloseable {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.95;
  private static final double EPSILON = 1e-8;

  private final Tensor average;
  private final Tensor moment1;
  private final Tensor moment2;

  /**
   * At the beginning of a run: moments at zero, the average at the weights.
   *
   * @param weights float32 [parameters]
   */
  public AdamW(Tensor weights) {
    try (NoGradGuard _ = new NoGradGuard()) {
      average = weights.clone();
      moment1 = torch.zeros(weights.numel());
      moment2 = torch.zeros(weights.numel());
    }
    average.retainReference();
    moment1.retainReference();
    moment2.retainReference();
  }

  /** The running average of the weights, float32 [parameters]. */
  public Tensor average() {
    return average;
  }

  /** The mean of the gradient. */
  public Tensor moment1() {
    return moment1;
  }

  /** The mean of the gradient's square. */
  public Tensor moment2() {
    return moment2;
  }

  /**
   * What a resumed run needs, by name.
   *
   * @param prefix of the names
   */
  public Map<String, float[]> state(String prefix) {
    Map<String, float[]> state = new LinkedHashMap<>();
    state.put(prefix + "average", Denoiser.copy(average));
    state.put(prefix + "moment1", Denoiser.copy(moment1));
    state.put(prefix + "moment2", Denoiser.copy(moment2));
    return state;
  }

  /** Goes on from a {@link #state}. */
  public void load(Checkpoint from, String prefix) throws IOException {
    Denoiser.fill(average, from.require(prefix + "average"));
    Denoiser.fill(moment1, from.require(prefix + "moment1"));
    Denoiser.fill(moment2, from.require(prefix + "moment2"));
  }

  /**
   * One step; the gradient is zero after it.
   *
   * @param decayed how many of the first parameters decay
   * @param step steps done before this one
   * @param weightDecay decoupled decay
   * @param clip largest norm of the gradient
   * @param averageDecay decay of the weight average
   * @return the gradient's norm before it was cut
   */
  public double update(
      Tensor weights,
      Tensor gradient,
      long decayed,
      long step,
      double rate,
      double weightDecay,
      double clip,
      double averageDecay) {
    double norm = gradient.norm().item_float();
    if (norm > clip) {
      gradient.mul_(new Scalar(clip / norm));
    }
    moment1.lerp_(gradient, new Scalar(1 - BETA1));
    moment2.mul_(new Scalar(BETA2)).addcmul_(gradient, gradient, new Scalar(1 - BETA2));
    double correction1 = 1 - Math.pow(BETA1, step + 1);
    double correction2 = 1 - Math.pow(BETA2, step + 1);
    weights.narrow(0, 0, decayed).mul_(new Scalar(1 - rate * weightDecay));
    Tensor scale =
        moment2.sqrt().mul_(new Scalar(1 / Math.sqrt(correction2))).add_(new Scalar(EPSILON));
    weights.addcdiv_(moment1, scale, new Scalar(-rate / correction1));
    // A young average follows closely, so that early exports are not random weights.
    double decay = Math.min(averageDecay, (1.0 + step) / (10.0 + step));
    average.lerp_(weights, new Scalar(1 - decay));
    gradient.zero_();
    return norm;
  }

  @Override
  public void close() {
    moment1.close();
    moment2.close();
    average.close();
  }
}
