/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A LLaDA-shaped model with random weights in memory.
 *
 * @param weights views into the arena it was made with
 */
public record RandomModel(ModelConfig config, TransformerWeights weights) {
  /** As many key and value heads as query heads, an untied head, full attention. */
  public static ModelConfig config(int layers, int hidden, int heads, int ffn, int vocabulary) {
    HeadShape shape = new HeadShape(heads, heads, hidden / heads);
    return new ModelConfig(
        "llada",
        layers,
        hidden,
        ffn,
        vocabulary,
        shape,
        new Rope(500_000, shape.headDim(), Rope.Pairing.HALF_SPLIT),
        AttentionMask.FULL,
        1e-5f,
        false,
        false,
        false,
        false,
        false,
        4096,
        vocabulary - 1,
        -1,
        -1);
  }

  /** Weights for {@link #config}. */
  public static RandomModel of(
      Arena arena, int layers, int hidden, int heads, int ffn, int vocabulary) {
    List<TransformerWeights.Layer> blocks = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      long seed = 10L * (i + 1);
      blocks.add(
          new TransformerWeights.Layer(
              RandomWeights.ones(arena, "attention_norm", hidden),
              RandomWeights.matrix(arena, "q", hidden, hidden, seed),
              RandomWeights.matrix(arena, "k", hidden, hidden, seed + 1),
              RandomWeights.matrix(arena, "v", hidden, hidden, seed + 2),
              Optional.empty(),
              Optional.empty(),
              Optional.empty(),
              Optional.empty(),
              Optional.empty(),
              RandomWeights.matrix(arena, "o", hidden, hidden, seed + 3),
              Optional.empty(),
              RandomWeights.ones(arena, "ffn_norm", hidden),
              RandomWeights.matrix(arena, "gate", ffn, hidden, seed + 4),
              RandomWeights.matrix(arena, "up", ffn, hidden, seed + 5),
              RandomWeights.matrix(arena, "down", hidden, ffn, seed + 6)));
    }
    return new RandomModel(
        config(layers, hidden, heads, ffn, vocabulary),
        new TransformerWeights(
            RandomWeights.matrix(arena, "embedding", vocabulary, hidden, 1),
            blocks,
            RandomWeights.ones(arena, "output_norm", hidden),
            RandomWeights.matrix(arena, "head", vocabulary, hidden, 2)));
  }
}
