/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.WeightView;
import java.util.List;
import java.util.Optional;

/**
 * The tensors of a transformer under the roles they play, as views into the checkpoint. Shapes:
 * projections {@code [out, in]}, norms and biases {@code [width]}.
 *
 * @param embedding {@code [vocabulary, hidden]}
 * @param layers one entry per block
 * @param outputNorm {@code [hidden]}
 * @param head {@code [vocabulary, hidden]}; the same view as the embedding when tied
 */
public record TransformerWeights(
    WeightView embedding, List<Layer> layers, WeightView outputNorm, WeightView head) {
  public TransformerWeights {
    layers = List.copyOf(layers);
  }

  /** One block. Optional parts are present exactly when the {@link ModelConfig} says so. */
  public record Layer(
      WeightView attentionNorm,
      WeightView query,
      WeightView key,
      WeightView value,
      Optional<WeightView> queryBias,
      Optional<WeightView> keyBias,
      Optional<WeightView> valueBias,
      Optional<WeightView> queryNorm,
      Optional<WeightView> keyNorm,
      WeightView output,
      Optional<WeightView> outputBias,
      WeightView ffnNorm,
      WeightView gate,
      WeightView up,
      WeightView down) {}
}
