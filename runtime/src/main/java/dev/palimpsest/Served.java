/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.schedule.Stepper;
import dev.palimpsest.schedule.Steps;
import dev.palimpsest.text.ChatFormat;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A loaded model as an engine serves it: what a request's steps are, and what runs them. */
sealed interface Served extends Stepper permits ServedTransformer, ServedHybrid {
  ModelConfig config();

  /** What a latent model is beside its decoder. */
  Optional<HybridConfig> latent();

  Optional<ChatFormat> chatFormat();

  /** Most tokens of a canvas. */
  int mostPositions();

  /**
   * What a request does.
   *
   * @param suppressed tokens that are never written
   * @throws IllegalArgumentException if the request does not fit the model
   */
  Steps steps(GenerationRequest request, CanvasPlan plan, int[] suppressed, int... endTokens);

  /** Runs a batch, on the scheduler's thread. */
  @Override
  void forward(StepBatch batch, Predictions out);

  /** Logits of one forward over tokens, on the scheduler's thread. */
  void logits(int[] tokens, MemorySegment out);

  /** The engine's load, as far as memory is concerned. */
  EngineLoad load(int running, int waiting);
}
