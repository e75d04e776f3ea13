/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.LatentPool;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridModel;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.Networks;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.schedule.Steps;
import dev.palimpsest.text.ChatFormat;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A hybrid latent model. */
record ServedHybrid(HybridModel network, LatentPool pool, Networks networks) implements Served {
  /** The model sees a window of it at a time, so that only patience limits a text. */
  private static final int MOST_POSITIONS = 1 << 20;

  ServedHybrid(HybridModel network, LatentPool pool) {
    this(network, pool, new Networks(Optional.empty(), Optional.of(network)));
  }

  /** Its decoder, which is a transformer like others. */
  @Override
  public ModelConfig config() {
    HybridConfig c = network.config();
    HybridConfig.Level level = c.autoencoder();
    int headDim = level.hidden() / level.heads();
    return new ModelConfig(
        HybridFamily.MODEL_TYPE,
        c.decoderLayers(),
        level.hidden(),
        level.ffn(),
        c.vocabulary(),
        new HeadShape(level.heads(), level.heads(), headDim),
        new Rope(c.ropeTheta(), headDim, Rope.Pairing.HALF_SPLIT),
        AttentionMask.FULL,
        c.normEpsilon(),
        false,
        false,
        false,
        false,
        false,
        c.maxPositions(),
        c.maskToken(),
        c.endToken(),
        c.padToken());
  }

  @Override
  public Optional<HybridConfig> latent() {
    return Optional.of(network.config());
  }

  @Override
  public Optional<ChatFormat> chatFormat() {
    return Optional.empty();
  }

  @Override
  public int mostPositions() {
    return MOST_POSITIONS;
  }

  @Override
  public Steps steps(
      GenerationRequest request, CanvasPlan plan, int[] suppressed, int... endTokens) {
    FromNoise fromNoise = new FromNoise(network.config());
    return Steps.latent(
        fromNoise.process(request, plan, endTokens), pool, fromNoise.decoding(suppressed));
  }

  @Override
  public void forward(StepBatch batch, Predictions out) {
    networks.forward(batch, out);
  }

  @Override
  public void logits(int[] tokens, MemorySegment out) {
    throw new IllegalStateException(
        "a latent model has no logits of a text alone: they depend on noise; ask a masked model");
  }

  @Override
  public EngineLoad load(int running, int waiting) {
    return new EngineLoad(running, waiting, pool.slots(), pool.freeSlots(), pool.heldBytes());
  }
}
