/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.MaskedBlock;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import java.util.Optional;

/**
 * One request's way from noise to text: which positions to predict next, and what to make of the
 * predictions. The scheduler asks {@link #wanted}, runs the network for many processes at once, and
 * hands back each one's predictions. Holds all state of the request's sampling; used by one thread
 * at a time.
 */
public interface DiffusionProcess extends WritingProcess {
  /**
   * Whether the token at {@code position} is given (prompt, text around holes) and so never
   * predicted; classifier-free guidance masks these positions in its unconditional forward.
   */
  boolean fixed(int position);

  /**
   * Positions to predict in the next step, ascending; never empty before {@link #finished}. Valid
   * until {@link #advance}. Those that already hold a token may be corrected: they are to be
   * predicted with that token as {@link dev.palimpsest.kernels.PredictionRows#presentToken}.
   */
  Positions wanted();

  /**
   * What is being worked on: holds all of {@link #wanted} from now until the block is done. What
   * lies outside does not change in between, so a cache may keep its keys and values. By default
   * the whole canvas.
   */
  default ActiveBlock active() {
    return new ActiveBlock(0, 0, canvas().length());
  }

  /** How those positions are to be sampled. */
  Sampling sampling();

  /** Whether it looks at entropies; a device may spare itself the work where nobody does. */
  default boolean usesEntropy() {
    return true;
  }

  /** Seed of the noise of this request. */
  long seed();

  /** Steps taken so far; with seed and position it keys the noise of the next one. */
  @Override
  int step();

  /** Classifier-free guidance scale; 0 for none. */
  float guidance();

  /**
   * What is being worked on, if a device can do it without asking for more than {@link #wanted}
   * before each step: then the steps that follow are those of that rule, until the block is over or
   * the text has ended. By default nothing.
   */
  default Optional<MaskedBlock> block() {
    return Optional.empty();
  }

  /**
   * Takes the next step.
   *
   * @param predictions entries {@code offset + i} predict {@code wanted().at(i)}
   * @return what was changed; already applied to {@link #canvas}
   */
  Revision advance(Predictions predictions, int offset);
}
