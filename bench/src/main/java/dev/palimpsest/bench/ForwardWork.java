/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.network.Transformer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One forward of a model over fixed tokens, to be run again and again. */
final class ForwardWork implements Runnable {
  private final Transformer transformer;
  private final StepBatch batch = new StepBatch();
  private final Predictions predictions = new Predictions();
  private final MemorySegment logits;

  /**
   * Prepares a forward over {@link #token tokens} 0, 1, …
   *
   * @param length tokens of each sequence
   * @param wanted which positions' logits to compute, of each sequence
   * @param arena owner of the logits' buffer
   */
  ForwardWork(
      Transformer transformer, int sequences, int length, WantedLogits wanted, Arena arena) {
    this.transformer = transformer;
    ModelConfig config = transformer.config();
    for (int s = 0; s < sequences; s++) {
      batch.addSequence(length);
    }
    int rows = batch.rows();
    for (int i = 0; i < rows; i++) {
      batch.tokens()[i] = token(i, config.vocabulary());
    }
    if (wanted.all()) {
      logits =
          arena.allocate(
              ValueLayout.JAVA_FLOAT, Math.multiplyExact((long) rows, config.vocabulary()));
    } else {
      logits = MemorySegment.NULL;
      for (int s = 0; s < sequences; s++) {
        for (int i = length - wanted.count(length); i < length; i++) {
          batch.wanted().add(s * length + i, Sampling.GREEDY, 0, 0, i);
        }
      }
    }
  }

  /** Spread over the vocabulary, the same on every run and for every engine compared. */
  static int token(int position, int vocabulary) {
    return (int) ((position * 7919L + 13) % vocabulary);
  }

  @Override
  public void run() {
    if (logits.byteSize() > 0) {
      transformer.logits(batch, logits);
    } else {
      transformer.forward(batch, predictions);
    }
  }

  /** Of the last {@link #run}: float32 {@code [rows][vocabulary]}; empty unless all are wanted. */
  MemorySegment logits() {
    return logits;
  }
}
