/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.cache.LatentPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Revision;
import dev.palimpsest.process.WritingProcess;
import dev.palimpsest.process.latent.LatentDiffusion;
import java.util.Optional;

/**
 * What a request does in its steps, whatever kind of diffusion it is: which memory it needs, what
 * it puts into a batch, and what it makes of the answer. Used by one thread at a time.
 */
public abstract sealed class Steps permits MaskedSteps, LatentSteps {
  private final WritingProcess process;
  private boolean oneByOne;

  Steps(WritingProcess process) {
    this.process = process;
  }

  /**
   * Of a request that predicts tokens.
   *
   * @param cache takes its pages before the request starts and gives them back when it has ended
   * @param shifted row i of the logits predicts position i + 1
   */
  public static Steps masked(DiffusionProcess process, RequestCache cache, boolean shifted) {
    return new MaskedSteps(process, cache, shifted);
  }

  /**
   * Of a request that denoises latents.
   *
   * @param pool gives it slots for as many positions as it sees
   * @param decoding how the decoder's logits become tokens
   * @throws IllegalArgumentException if that could never fit into the pool
   */
  public static Steps latent(LatentDiffusion process, LatentPool pool, Sampling decoding) {
    return new LatentSteps(process, pool, decoding);
  }

  /** These, never taken by the device alone: for those who watch each step. */
  public final Steps oneByOne() {
    oneByOne = true;
    return this;
  }

  /** The steps that follow, if the device can take them alone, until a block is over. */
  final Optional<BlockSteps> block() {
    return oneByOne ? Optional.empty() : nextBlock();
  }

  /** That, whoever watches. */
  Optional<BlockSteps> nextBlock() {
    return Optional.empty();
  }

  /** The text as it stands, and how far it is. */
  final WritingProcess process() {
    return process;
  }

  /** Rows that the next step takes. */
  abstract int countRows();

  /** Whether the next step fills or refreshes what is kept between steps. */
  abstract boolean refreshing();

  /** Whether memory has to be reserved before it starts. */
  abstract boolean keeps();

  /** Takes the memory, as a matter of numbers; false, holding none, if there is too little now. */
  abstract boolean reserve();

  /** Sees to it that the reserved memory is there. */
  abstract void prepare();

  /** Gives the memory back; idempotent. */
  abstract void release();

  /** Adds the next step to a batch. */
  abstract void addTo(StepBatch batch);

  /**
   * Takes the step that was added to the batch.
   *
   * @return what changed; nothing if the step only stored
   */
  abstract Optional<Revision> advance(StepBatch batch, Predictions predictions);
}
