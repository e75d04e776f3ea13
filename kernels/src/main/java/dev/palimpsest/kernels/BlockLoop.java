/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * What a device has that can repeat the steps of masked diffusion by itself: it embeds the tokens
 * as they are, runs the network, predicts, and commits, until every block is over. The host brings
 * the canvases and fetches, once, what was predicted in each step.
 *
 * <p>The network is told as a sequence of ops, once or more often, always the same ones: the ops of
 * the {@link Device} that need nothing from it, and of this {@link #embed} and {@link #predict}.
 *
 * <p>Batches are padded to a few shapes ({@link #paddedRows}, {@link #paddedEntries}), so that what
 * was made ready for one batch serves others. Like all of a device it is used by one thread at a
 * time, and nothing of a row depends on the others.
 */
public interface BlockLoop {
  /** For people and logs, e.g. {@code graph}. */
  String describe();

  /** Most masks of one block. */
  int mostEntries();

  /** As many rows as a batch of {@code rows} should have. */
  int paddedRows(int rows);

  /** As many entries to predict as a batch with {@code entries} of them should have. */
  int paddedEntries(int entries);

  /**
   * Takes steps until each block is over, or {@code most} of them; one more may be taken.
   *
   * @param tokens of each row, canvases and padding
   * @param rows of the batch
   * @param wanted entry {@code i} is predicted from row {@code i} of what {@link #predict} is
   *     given; without guidance, without present tokens
   * @param network makes the ops of one network call
   * @throws IllegalArgumentException if the blocks do not fit the rows and entries
   * @throws IllegalStateException if the device fails; then nothing can be said of any block
   */
  void run(
      BlockBatch blocks, int[] tokens, int rows, PredictionRows wanted, int most, Runnable network);

  /** {@link Device#embed} of the tokens as they are in this step; part of a network call. */
  void embed(EmbeddingTable table, int rows, Tensor out);

  /** Predicts all entries, from as many rows; ends a network call. */
  void predict(Tensor hidden, int rows, PackedLinear head);

  /** Steps that block {@code i} took in the last run; the last one may have broken predictions. */
  int steps(int i);

  /**
   * What was predicted for a mask, as of a step of the last run.
   *
   * @param block its number
   * @param step from 0 on, below {@link #steps}
   * @param entry of the block, from 0 on
   * @param to entry of {@code out} that receives it
   * @throws IllegalStateException if the logits were broken or nothing was left to choose
   */
  void read(int block, int step, int entry, int to, Predictions out);

  /** The token of a row after the last run. */
  int token(int row);
}
