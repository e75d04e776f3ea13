/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.schedule.Steps;
import dev.palimpsest.text.ChatFormat;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A model that predicts tokens: masked diffusion, or causal. */
record ServedTransformer(
    ModelDescription model, Transformer network, KvPool cachePages, int maxBatchTokens)
    implements Served {
  @Override
  public ModelConfig config() {
    return model.config();
  }

  @Override
  public Optional<HybridConfig> latent() {
    return Optional.empty();
  }

  @Override
  public Optional<ChatFormat> chatFormat() {
    return model.chatFormat();
  }

  @Override
  public int mostPositions() {
    return config().maxPositions();
  }

  @Override
  public Steps steps(
      GenerationRequest request, CanvasPlan plan, int[] suppressed, int... endTokens) {
    Attending attending = new Attending(config());
    DiffusionProcess process = attending.process(request, plan, suppressed, endTokens);
    RequestCache cache =
        attending.cache(
            request, cachePages, maxBatchTokens, plan.tokens().length, process.guidance() != 0);
    Steps steps = Steps.masked(process, cache, config().shiftedLogits());
    return request.previews() ? steps.oneByOne() : steps;
  }

  @Override
  public void forward(StepBatch batch, Predictions out) {
    network.forward(batch, out);
  }

  @Override
  public Optional<BlockLoop> loop() {
    return network.loop();
  }

  @Override
  public void repeat(StepBatch batch, int most) {
    network.repeat(batch, most);
  }

  @Override
  public void logits(int[] tokens, MemorySegment out) {
    StepBatch batch = new StepBatch();
    batch.addSequence(tokens.length);
    System.arraycopy(tokens, 0, batch.tokens(), 0, tokens.length);
    network.logits(batch, out);
  }

  @Override
  public EngineLoad load(int running, int waiting) {
    return new EngineLoad(
        running, waiting, cachePages.pages(), cachePages.freePages(), cachePages.heldBytes());
  }
}
